//! Programs beside this one: started, asked where they listen, watched, ended by ending their standard input.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Longest wait for a program's first line, in seconds: a cold start compiles a component, twenty thousand
/// incidents have to be made.
const START_LIMIT_S: u64 = 60;
/// Longest wait for a program to end, in seconds; then it is killed.
const STOP_LIMIT_S: u64 = 10;
/// Clock ticks of `/proc/PID/stat` in a second (`USER_HZ`, 100 on every Linux of today).
const TICKS_PER_S: f64 = 100.0;

/// A program that listens.
pub(crate) struct Program {
    child: Child,
    /// Closing it ends the program.
    _input: ChildStdin,
    _output: BufReader<ChildStdout>,
    /// Where it listens.
    pub(crate) url: String,
}

#[derive(Deserialize)]
struct Told {
    url: String,
}

impl Program {
    /// Starts a program that prints `{"url":…}` as its first line.
    pub(crate) async fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {:?}", command.as_std().get_program()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("the program has no standard streams");
        };
        let mut output = BufReader::new(output);
        let mut line = String::new();
        tokio::time::timeout(Duration::from_secs(START_LIMIT_S), output.read_line(&mut line))
            .await
            .with_context(|| format!("{:?} did not start in {START_LIMIT_S} s", command.as_std().get_program()))??;
        let told: Told = serde_json::from_str(&line).with_context(|| {
            format!("{:?} said {line:?} instead of where it listens", command.as_std().get_program())
        })?;
        Ok(Self { child, _input: input, _output: output, url: told.url })
    }

    /// Ends it.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let Self { mut child, _input: input, .. } = self;
        drop(input);
        match tokio::time::timeout(Duration::from_secs(STOP_LIMIT_S), child.wait()).await {
            Ok(status) => {
                status?;
            }
            Err(_) => child.kill().await?,
        }
        Ok(())
    }

    /// Its number; none once it has ended.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Memory that it has resident, in bytes.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<f64> {
        let path = format!("/proc/{}/status", self.id().context("the program has ended")?);
        let status = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
        kib.map(|kib| kib * 1024.0).with_context(|| format!("{path} does not say VmRSS"))
    }
}

/// Processor time that a process has used, in seconds; `None` is this one. Zero where nobody knows.
pub(crate) fn processor_s(id: Option<u32>) -> f64 {
    let path = id.map_or_else(|| "/proc/self/stat".to_owned(), |id| format!("/proc/{id}/stat"));
    let stat = std::fs::read_to_string(path).unwrap_or_default();
    // The name, in parentheses, may hold spaces: the fields are counted from its end. User and system time
    // are fields 14 and 15 of proc(5), so 12 and 13 after it.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_S
}
