//! Measures what durability costs: `cargo run --release -p toolkeep-audit --example durability [directory]`.
//!
//! Prints the median of one raw `fdatasync` of a 512-byte write over existing blocks, of a lone begin +
//! finish, their ratio, and begin + finish pairs per second with 32 in flight. The directory decides the file system; by default the system's directory for temporary files.
#![allow(clippy::print_stdout, reason = "an example that prints its measurements")]

use std::error::Error;
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use toolkeep_audit::{AuditLog, CallId, Decision, Intent, Outcome, OutcomeStatus, PrincipalFields, UpstreamRequest};

const ROUNDS: usize = 3_000;
const IN_FLIGHT: usize = 32;
const PAIRS_PER_TASK: usize = 1_500;

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = root.join(format!("toolkeep-durability-{}", std::process::id()));
    std::fs::create_dir(&directory)?;
    let measured = measure(&directory);
    std::fs::remove_dir_all(&directory)?;
    measured
}

fn measure(directory: &Path) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for round in 1..=3 {
        let opening = Instant::now();
        let log = AuditLog::open(&directory.join(format!("log{round}")), [7; 32].into())?;
        let opening = opening.elapsed();
        let raw_file = allocated(&directory.join("raw"))?;
        let times = runtime.block_on(runtime.spawn(lone(log.clone(), raw_file)))?;
        let (raw, pair) = times.map_err(|error| -> Box<dyn Error> { error })?;
        let pairs_per_s = runtime.block_on(many(&log))?;
        println!(
            "raw fdatasync p50 {:?}; lone begin+finish p50 {:?} p99 {:?}, ratio {:.2}; {IN_FLIGHT} in flight: {pairs_per_s:.0} pairs/s; open {opening:?}",
            at(&raw, 50),
            at(&pair, 50),
            at(&pair, 99),
            at(&pair, 50).as_secs_f64() / at(&raw, 50).as_secs_f64(),
        );
    }
    Ok(())
}

/// A file whose blocks are all there, so that a sync writes data and no file-system metadata: the
/// cheapest sync there is.
fn allocated(path: &Path) -> Result<File, std::io::Error> {
    let mut file = File::create(path)?;
    file.write_all(&vec![0; ROUNDS * 512])?;
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// Raw syncs and pairs in turn, so that both meet the same disk.
async fn lone(log: AuditLog, mut raw: File) -> Result<(Vec<Duration>, Vec<Duration>), Box<dyn Error + Send + Sync>> {
    let (mut raws, mut pairs) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        let start = Instant::now();
        raw.write_all(&[7; 512])?;
        raw.sync_data()?;
        raws.push(start.elapsed());
        let (intent, outcome) = (intent(), outcome());
        let start = Instant::now();
        let open = log.begin(intent).await?;
        let _receipt = log.finish(open, outcome).await?;
        pairs.push(start.elapsed());
    }
    raws.sort();
    pairs.sort();
    Ok((raws, pairs))
}

async fn many(log: &AuditLog) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    let tasks: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let log = log.clone();
            tokio::spawn(async move {
                for _ in 0..PAIRS_PER_TASK {
                    let open = log.begin(intent()).await?;
                    let _receipt = log.finish(open, outcome()).await?;
                }
                Ok::<(), toolkeep_audit::AuditError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok((IN_FLIGHT * PAIRS_PER_TASK) as f64 / start.elapsed().as_secs_f64())
}

/// Of sorted times, the one that `percent` of them do not exceed.
fn at(times: &[Duration], percent: usize) -> Duration {
    times.get(times.len() * percent / 100).copied().unwrap_or_default()
}

fn intent() -> Intent {
    Intent {
        call: CallId::new(),
        principal: PrincipalFields {
            tenant: "acme".into(),
            user: "kim@example.com".into(),
            agent: Some("claude".into()),
        },
        connector: "pagerduty".into(),
        connector_version: "0.1.0".into(),
        connector_digest: "0123456789abcdef".repeat(4),
        tool: "pagerduty_list_incidents".into(),
        access: "read".into(),
        rule: "tool filter: all".into(),
        connection: Some("con_0123456789abcdef0123456789abcdef".into()),
        arguments_digest: "0123456789abcdef".repeat(4),
        clear_arguments: serde_json::Map::new(),
        trace: None,
    }
}

fn outcome() -> Outcome {
    Outcome {
        status: OutcomeStatus::Succeeded,
        requests: vec![UpstreamRequest {
            at_us: 1_770_000_000_000_000,
            method: "GET".into(),
            origin: "https://api.pagerduty.com".into(),
            path_template: Some("/incidents".into()),
            path_parameters: Vec::new(),
            decision: Decision::Allowed,
            rule: "GET /incidents".into(),
            status: Some(200),
            request_bytes: 0,
            response_bytes: 41_000,
            duration_us: 900,
            injected: Some("api_key".into()),
            error: None,
            redactions: 0,
        }],
        result_digest: Some("0123456789abcdef".repeat(4)),
        result_bytes: 8_000,
        duration_us: 1_100,
        ..Outcome::default()
    }
}
