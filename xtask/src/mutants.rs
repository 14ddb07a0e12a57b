//! `cargo xtask mutants`: is each defence what stops its attack? The checkout is copied, and every defence in the
//! copy gets a switch; the red team runs once with all defences on, and once with each of them off, and then it
//! must notice. What is shipped has no switch: they exist in the copy alone.

mod list;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;

use crate::layout::{Layout, WORKSPACE};
use crate::{guests, step};
use list::MUTANTS;

/// What names the defence that is off, for a program of the copy.
const SWITCH: &str = "TOOLKEEP_MUTANT";
/// Stands in a replacement for the question whether this defence is off.
const OFF: &str = "{off}";
/// Longest run of the cases of one mutant, in seconds. A defence against endless work that is off is noticed by
/// work without end; every case that ends does so in a tenth of this.
const CASES_LIMIT_S: u64 = 120;
/// How often a running case is looked at, in milliseconds.
const LOOK_MS: u64 = 50;

/// A defence, how it is switched off, and which cases of the red team must notice.
struct Mutant {
    /// Its name.
    id: &'static str,
    /// What is switched off.
    defence: &'static str,
    /// The file that holds it, from the root.
    file: &'static str,
    /// A piece of the file that stands there once.
    find: &'static str,
    /// The same with a switch at [`OFF`].
    replace: &'static str,
    /// Cases of the red team, any of which must fail.
    cases: &'static [&'static str],
}

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only mutants whose name holds this
    filter: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// Something cannot be built, a case fails although every defence is on, or a defence is off and nobody notices.
pub(crate) fn run(layout: &Layout, options: &Options) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let wanted = |mutant: &&Mutant| options.filter.as_ref().is_none_or(|part| mutant.id.contains(part.as_str()));
    let mutants: Vec<&Mutant> = MUTANTS.iter().filter(wanted).collect();
    ensure!(!mutants.is_empty(), "no mutant has such a name; there is {}", names(MUTANTS.iter()));
    guests::build(layout)?;
    let copy = Copy::make(layout)?;
    let redteam = copy.build()?;
    step::say(&format!("==> {} mutants", mutants.len()));
    let mut unnoticed = Vec::new();
    let mut controls: BTreeMap<&str, bool> = BTreeMap::new();
    for mutant in &mutants {
        for case in mutant.cases {
            // With every defence on the case passes, or its failing with one off says nothing.
            let passes = match controls.get(case) {
                Some(passes) => *passes,
                None => *controls.entry(case).or_insert(redteam.passes(case, None)? == Verdict::Passes),
            };
            ensure!(passes, "the case {case} of the mutant {} fails although every defence is on", mutant.id);
        }
        let verdicts: Vec<Verdict> =
            mutant.cases.iter().map(|case| redteam.passes(case, Some(mutant.id))).collect::<anyhow::Result<_>>()?;
        let noticed = verdicts.iter().any(|verdict| *verdict != Verdict::Passes);
        let said = if noticed { "noticed" } else { "NOT NOTICED" };
        step::say(&format!("    {said:<12} {:<28} {}", mutant.id, mutant.defence));
        if !noticed {
            unnoticed.push(*mutant);
        }
    }
    step::say(&format!(
        "{} of {} noticed, in {}.",
        mutants.len() - unnoticed.len(),
        mutants.len(),
        step::seconds(started)
    ));
    if unnoticed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    bail!("with these defences off, no case of theirs fails: {}", names(unnoticed.into_iter()))
}

fn names<'a>(mutants: impl Iterator<Item = &'a Mutant>) -> String {
    mutants.map(|mutant| mutant.id).collect::<Vec<_>>().join(", ")
}

/// The copy of the checkout, with its switches.
struct Copy {
    root: PathBuf,
    target: PathBuf,
}

impl Copy {
    /// Copies what git tracks, as it is in the work tree, and puts the switches in. What was compiled of others'
    /// crates is shared with the ordinary build.
    fn make(layout: &Layout) -> anyhow::Result<Self> {
        let root = layout.target.join("mutants/checkout");
        let target = layout.target.join("mutants/target");
        if root.exists() {
            fs::remove_dir_all(&root).with_context(|| format!("cannot remove {}", root.display()))?;
        }
        let mut list = Command::new("git");
        list.current_dir(&layout.root).args(["ls-files", "--cached", "--others", "--exclude-standard"]);
        for name in step::output(&mut list).context("the checkout is copied with git")?.lines() {
            let (from, to) = (layout.root.join(name), root.join(name));
            if !from.is_file() {
                continue;
            }
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        }
        let mut texts: BTreeMap<&str, String> = BTreeMap::new();
        for mutant in MUTANTS {
            let text = match texts.remove(mutant.file) {
                Some(text) => text,
                None => fs::read_to_string(root.join(mutant.file))
                    .with_context(|| format!("the mutant {} is of {}", mutant.id, mutant.file))?,
            };
            texts.insert(mutant.file, mutant.switched(&text)?);
        }
        for (file, text) in texts {
            fs::write(root.join(file), text)?;
        }
        share(&layout.target, &target)?;
        Ok(Self { root, target })
    }

    /// Builds the red team of the copy, and the program that some of its cases drive.
    fn build(&self) -> anyhow::Result<RedTeam> {
        let mut cargo = self.cargo();
        cargo.arg("build").args(WORKSPACE).args(["--bin", "toolkeep", "--test", "redteam"]);
        step::run("build the copy with its switches", &mut cargo)?;
        let mut asked = self.cargo();
        asked.arg("build").args(WORKSPACE).args(["--test", "redteam", "--message-format", "json"]);
        let messages = step::output(asked.stderr(Stdio::inherit()))?;
        let program = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|message| message.pointer("/target/name").is_some_and(|name| name == "redteam"))
            .find_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
            .context("cargo does not say where the red team is")?;
        Ok(RedTeam { program, root: self.root.clone() })
    }

    fn cargo(&self) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        cargo.env("CARGO_TERM_PROGRESS_WHEN", "never");
        cargo
    }
}

impl Mutant {
    /// The text with this mutant's switch.
    fn switched(&self, text: &str) -> anyhow::Result<String> {
        let times = text.matches(self.find).count();
        ensure!(times == 1, "what the mutant {} looks for stands {times} times in {}", self.id, self.file);
        ensure!(self.replace.contains(OFF), "the mutant {} has no switch", self.id);
        let off = format!("(std::env::var_os(\"{SWITCH}\").is_some_and(|off| off == \"{}\"))", self.id);
        Ok(text.replacen(self.find, &self.replace.replace(OFF, &off), 1))
    }
}

/// Links what cargo compiled of other people's crates into another target directory, and the components. Ours are
/// left out: they are compiled from the copy, and a file that is linked must never be written.
fn share(from: &Path, to: &Path) -> anyhow::Result<()> {
    let ours = |name: &str| {
        let name = name.trim_start_matches("lib").trim_start_matches("build-script-");
        [
            "toolkeep",
            "pagerduty",
            "hostile",
            "xtask",
            "keep-",
            "redteam",
            "api-",
            "vault-",
            "log-",
            "tidy",
            "firewalls",
            "fuzz",
        ]
        .iter()
        .any(|own| name.starts_with(own))
    };
    for folder in ["release/deps", "release/build", "release/.fingerprint", "wasm32-wasip2/guest"] {
        link(&from.join(folder), &to.join(folder), &ours, folder.starts_with("wasm32"))?;
    }
    Ok(())
}

fn link(from: &Path, to: &Path, ours: &impl Fn(&str) -> bool, all: bool) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let (from, to) = (entry.path(), to.join(&name));
        if !all && ours(&name.to_string_lossy()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            link(&from, &to, ours, true)?;
        } else if all && to.exists() {
            // A component that was built anew replaces the one that was linked before.
            fs::remove_file(&to)?;
            fs::hard_link(&from, &to)?;
        } else if !to.exists() {
            fs::hard_link(&from, &to).with_context(|| format!("cannot link {}", to.display()))?;
        }
    }
    Ok(())
}

/// What came of the cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passes,
    Fails,
    /// They did not end in time.
    Hangs,
}

/// The red team of the copy.
struct RedTeam {
    program: PathBuf,
    root: PathBuf,
}

impl RedTeam {
    /// Runs the case of this name, with one defence off or none.
    fn passes(&self, case: &str, off: Option<&str>) -> anyhow::Result<Verdict> {
        let mut command = Command::new(&self.program);
        command.current_dir(self.root.join("tests")).args(["--exact", case]).env_remove(SWITCH);
        if let Some(off) = off {
            command.env(SWITCH, off);
        }
        let mut running = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let begun = Instant::now();
        loop {
            if let Some(status) = running.try_wait()? {
                return Ok(match status.code() {
                    Some(0) => Verdict::Passes,
                    Some(2) => bail!("the red team has no case named {case}"),
                    _ => Verdict::Fails,
                });
            }
            if begun.elapsed() > Duration::from_secs(CASES_LIMIT_S) {
                running.kill()?;
                running.wait()?;
                return Ok(Verdict::Hangs);
            }
            std::thread::sleep(Duration::from_millis(LOOK_MS));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn what_each_mutant_looks_for_is_still_there_once() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for mutant in MUTANTS {
            let text = fs::read_to_string(root.join(mutant.file)).unwrap();
            let switched = mutant.switched(&text).unwrap();
            assert!(switched.contains(SWITCH), "{}", mutant.id);
            assert!(!mutant.cases.is_empty(), "{} has no case", mutant.id);
        }
    }

    #[test]
    fn mutants_have_names_of_their_own() {
        let mut ids: Vec<&str> = MUTANTS.iter().map(|mutant| mutant.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), MUTANTS.len());
    }
}
