//! What durability costs by itself: a raw sync of the disk, and an intent with its outcome.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use toolkeep_audit::{AuditLog, CallId, Decision, Intent, Outcome, OutcomeStatus, PrincipalFields, UpstreamRequest};

use crate::Amounts;
use crate::figures::{Figure, Target};
use crate::stage::Stage;
use crate::statistics::{Times, median};

/// One raw write, in bytes: a sector.
const WRITE_BYTES: usize = 512;
/// Pairs of measurements of one round, whose medians are compared.
const ROUND: usize = 200;

/// Measures raw syncs and pairs of records in turn, so that both meet the same disk.
pub(crate) async fn measure(stage: &Stage, amounts: &Amounts) -> anyhow::Result<Vec<Figure>> {
    let directory = stage.directory().join("audit");
    let log = AuditLog::open(&directory, [7; 32].into())?;
    let repeats = amounts.repeats;
    let mut raw = RawSyncs::new(&directory, repeats)?;
    let (raws, pairs) = tokio::spawn(async move {
        let (mut raws, mut pairs) = (Vec::with_capacity(repeats), Vec::with_capacity(repeats));
        for _ in 0..repeats {
            raws.push(raw.sync()?);
            let (intent, outcome) = (intent(), outcome());
            let begun = Instant::now();
            let open = log.begin(intent).await?;
            let _receipt = log.finish(open, outcome).await?;
            pairs.push(begun.elapsed());
        }
        anyhow::Ok((raws, pairs))
    })
    .await??;
    let p50 = |times: &[Duration]| Times::of(times.to_vec()).p50_us;
    let ratio = median(raws.chunks(ROUND).zip(pairs.chunks(ROUND)).map(|(raw, pair)| p50(pair) / p50(raw)).collect());
    Ok(vec![
        Figure::new("fdatasync_us", "one fdatasync of 512 bytes", p50(&raws), "µs"),
        Figure::new("audit_pair_us", "one intent with its outcome, durable", p50(&pairs), "µs"),
        Figure::new("audit_pair_fdatasyncs", "… as a number of fdatasyncs", ratio, "×").target(Target::Most(2.5)),
    ])
}

/// Raw syncs of the disk: what durable records are compared with.
pub(crate) struct RawSyncs(File);

impl RawSyncs {
    /// In this directory, for `most` of them.
    pub(crate) fn new(directory: &Path, most: usize) -> std::io::Result<Self> {
        allocated(&directory.join("raw"), most * WRITE_BYTES).map(Self)
    }

    /// Writes and syncs once.
    pub(crate) fn sync(&mut self) -> std::io::Result<Duration> {
        let begun = Instant::now();
        self.0.write_all(&[7; WRITE_BYTES])?;
        self.0.sync_data()?;
        Ok(begun.elapsed())
    }
}

/// A file whose blocks are all there, so that a sync writes data and nothing of the file system's own: the
/// cheapest sync there is.
fn allocated(path: &Path, bytes: usize) -> std::io::Result<File> {
    let mut file = File::create(path)?;
    file.write_all(&vec![0; bytes])?;
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
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
        tool: "pagerduty_incidents_list".into(),
        access: "read".into(),
        rule: "tool pagerduty_incidents_list (read) visible, arguments valid, scopes held".into(),
        connection: Some("con_0123456789abcdef0123456789abcdef".into()),
        connection_version: Some(1),
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
            origin: "api".into(),
            path_template: Some("/incidents".into()),
            path_parameters: Vec::new(),
            decision: Decision::Allowed,
            rule: "GET /incidents".into(),
            status: Some(200),
            request_bytes: 0,
            response_bytes: 41_000,
            duration_us: 900,
            injected: Some("con_0123456789abcdef0123456789abcdef".into()),
            error: None,
            redactions: 0,
        }],
        result_digest: Some("0123456789abcdef".repeat(4)),
        result_bytes: 6_000,
        duration_us: 1_100,
        ..Outcome::default()
    }
}
