//! The log as its callers see it: order, durability, what a crash and a vanished caller leave behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what failed by panicking"
)]

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use toolkeep_audit::{
    AuditLog, CallId, Event, EventKind, Intent, Outcome, OutcomeStatus, PrincipalFields, Query, Record, RecordKind,
    Refusal,
};

fn open(directory: &Path) -> AuditLog {
    AuditLog::open(&directory.join("audit"), [7; 32].into()).unwrap()
}

fn principal(user: &str) -> PrincipalFields {
    PrincipalFields { tenant: "acme".into(), user: user.into(), agent: Some("agent".into()) }
}

fn intent(user: &str, tool: &str) -> Intent {
    Intent {
        call: CallId::new(),
        principal: principal(user),
        connector: "pagerduty".into(),
        connector_version: "0.1.0".into(),
        connector_digest: "00".repeat(32),
        tool: tool.into(),
        access: "read".into(),
        rule: "tool filter: all".into(),
        connection: None,
        connection_version: None,
        arguments_digest: "00".repeat(32),
        clear_arguments: serde_json::Map::new(),
        trace: None,
    }
}

fn succeeded() -> Outcome {
    Outcome { status: OutcomeStatus::Succeeded, ..Outcome::default() }
}

fn everything() -> Query {
    Query { last: 10_000, ..Query::default() }
}

fn text<'a>(record: &'a Record, field: &str) -> Option<&'a str> {
    record.content.get(field).and_then(Value::as_str)
}

#[tokio::test]
async fn intent_and_outcome_are_there_in_order_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let open_call = log.begin(intent("kim", "list")).await.unwrap();
    let call = open_call.call();
    let seen = log.records(&everything()).unwrap();
    assert_eq!(seen.last().map(|record| (record.kind, record.call)), Some((RecordKind::Intent, Some(call))));
    let receipt = log.finish(open_call, succeeded()).await.unwrap();
    assert_eq!(receipt.call(), Some(call));
    drop(log);

    let records = open(directory.path()).records(&everything()).unwrap();
    assert_eq!(records.iter().map(|record| record.kind).collect::<Vec<_>>(), [RecordKind::Intent, RecordKind::Outcome]);
    assert_eq!(records[1].seq, receipt.seq());
    assert!(records[0].seq < records[1].seq && records[0].time <= records[1].time);
    assert_eq!(text(&records[0], "access"), Some("read"));
    assert_eq!(records[0].content.get("connection_version"), None, "a call without a connection has none");
    assert_eq!(text(&records[1], "status"), Some("succeeded"));
    assert_eq!((text(&records[1], "user"), text(&records[1], "tool")), (Some("kim"), Some("list")));
}

/// Dies in the middle of two calls.
fn crash(directory: &Path) -> ! {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let log = open(directory);
        let finished = log.begin(intent("kim", "finished")).await.unwrap();
        let _one = log.begin(intent("kim", "cut off")).await.unwrap();
        let _two = log.begin(intent("lee", "cut off too")).await.unwrap();
        let _receipt = log.finish(finished, succeeded()).await.unwrap();
        std::process::abort()
    })
}

#[test]
#[expect(clippy::disallowed_methods, reason = "only another process can crash and leave the test alive")]
fn a_crash_leaves_unknown() {
    // The test runs itself once more, as the process that crashes.
    if let Some(directory) = std::env::var_os("TOOLKEEP_TEST_AUDIT") {
        crash(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_crash_leaves_unknown"])
        .env("TOOLKEEP_TEST_AUDIT", directory.path())
        .output()
        .unwrap();
    assert!(!child.status.success(), "the child must have died");
    for opening in 1..=2 {
        let log = open(directory.path());
        let outcomes = log.records(&Query { kind: Some(RecordKind::Outcome), ..everything() }).unwrap();
        let ends: HashMap<_, _> =
            outcomes.iter().map(|record| (text(record, "tool").unwrap(), text(record, "status").unwrap())).collect();
        assert_eq!(outcomes.len(), 3, "opening {opening}: one outcome for each intent, however often it is opened");
        assert_eq!(
            ends,
            HashMap::from([("finished", "succeeded"), ("cut off", "unknown"), ("cut off too", "unknown")])
        );
        let cut = outcomes.iter().find(|record| text(record, "tool") == Some("cut off too")).unwrap();
        assert_eq!((text(cut, "user"), text(cut, "code")), (Some("lee"), Some("host_ended")));
    }
}

#[tokio::test]
async fn a_second_process_does_not_end_the_calls_of_the_first() {
    let directory = tempfile::tempdir().unwrap();
    let server = open(directory.path());
    let running = server.begin(intent("kim", "list")).await.unwrap();
    let command_line = open(directory.path());
    command_line
        .record(Event {
            kind: EventKind::ConnectionAdded,
            principal: Some(principal("kim")),
            subject: "con_1".into(),
            details: serde_json::Map::new(),
        })
        .await
        .unwrap();
    drop(command_line);
    let _receipt = server.finish(running, succeeded()).await.unwrap();
    let records = server.records(&everything()).unwrap();
    assert_eq!(
        records.iter().map(|record| record.kind).collect::<Vec<_>>(),
        [RecordKind::Intent, RecordKind::Event, RecordKind::Outcome]
    );
    assert_eq!(text(&records[1], "kind"), Some("connection_added"));
}

#[tokio::test]
async fn a_dropped_call_is_recorded_as_unknown() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    drop(log.begin(intent("kim", "dropped")).await.unwrap());
    let panicking = log.begin(intent("kim", "panicked")).await.unwrap();
    let task = tokio::spawn(async move {
        let _held = panicking;
        std::panic::resume_unwind(Box::new("a panic of the call"));
    });
    assert!(task.await.unwrap_err().is_panic());
    drop(log);
    let outcomes = open(directory.path()).records(&Query { kind: Some(RecordKind::Outcome), ..everything() }).unwrap();
    assert_eq!(outcomes.len(), 2);
    for outcome in &outcomes {
        assert_eq!((text(outcome, "status"), text(outcome, "code")), (Some("unknown"), Some("abandoned")));
    }
}

/// Polls a future once and drops it, as a cancelled caller does.
async fn poll_once<T>(future: impl Future<Output = T>) {
    let mut future = Box::pin(future);
    std::future::poll_fn(|context| {
        let _ = future.as_mut().poll(context);
        std::task::Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_goes_away_changes_nothing_of_the_record() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    for _ in 0..200 {
        poll_once(log.begin(intent("kim", "gone before"))).await;
        let open_call = log.begin(intent("kim", "gone after")).await.unwrap();
        poll_once(log.finish(open_call, succeeded())).await;
    }
    drop(log);
    let log = open(directory.path());
    let of =
        |tool: &str, kind| log.records(&Query { tool: Some(tool.into()), kind: Some(kind), ..everything() }).unwrap();
    assert_eq!(of("gone before", RecordKind::Intent).len(), 200);
    let before = of("gone before", RecordKind::Outcome);
    assert_eq!(before.len(), 200);
    assert!(before.iter().all(|record| text(record, "code") == Some("abandoned")));
    let after = of("gone after", RecordKind::Outcome);
    assert_eq!(after.len(), 200);
    assert!(after.iter().all(|record| text(record, "status") == Some("succeeded")), "the real outcome is written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_keep_one_outcome_for_each_intent() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let log = log.clone();
            tokio::spawn(async move {
                for round in 0..50 {
                    let open_call = log.begin(intent("kim", "list")).await.unwrap();
                    if (task + round) % 5 == 0 {
                        drop(open_call);
                    } else {
                        let _receipt = log.finish(open_call, succeeded()).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    drop(log);
    let records = open(directory.path()).records(&everything()).unwrap();
    assert_eq!(records.len(), 64 * 50 * 2);
    let mut calls: HashMap<CallId, Vec<(RecordKind, u64)>> = HashMap::new();
    for record in &records {
        calls.entry(record.call.unwrap()).or_default().push((record.kind, record.seq));
    }
    assert_eq!(calls.len(), 64 * 50);
    for (call, seen) in calls {
        let kinds: Vec<_> = seen.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [RecordKind::Intent, RecordKind::Outcome], "{call}");
    }
    let unknown = records.iter().filter(|record| text(record, "status") == Some("unknown")).count();
    assert_eq!(unknown, 64 * 50 / 5);
}

#[tokio::test]
async fn a_failed_write_refuses_the_call_and_a_later_one_succeeds() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let running = log.begin(intent("kim", "running")).await.unwrap();
    let other = rusqlite::Connection::open(directory.path().join("audit/audit.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (begun, finished) = tokio::join!(log.begin(intent("lee", "refused")), log.finish(running, succeeded()));
    let error = begun.unwrap_err();
    assert_eq!(error.code(), "audit_unavailable");
    assert!(error.to_string().contains("locked"), "{error}");
    assert_eq!(finished.unwrap_err().code(), "audit_unavailable");
    other.execute_batch("ROLLBACK").unwrap();
    let again = log.begin(intent("lee", "again")).await.unwrap();
    let _receipt = log.finish(again, succeeded()).await.unwrap();
    drop(log);
    let log = open(directory.path());
    assert!(log.records(&Query { tool: Some("refused".into()), ..everything() }).unwrap().is_empty());
    let running = log.records(&Query { tool: Some("running".into()), ..everything() }).unwrap();
    assert_eq!(running.len(), 2);
    assert_eq!(
        text(&running[1], "status"),
        Some("succeeded"),
        "the outcome was kept and written when that worked again"
    );
}

#[tokio::test]
async fn an_intent_names_the_version_of_its_connection() {
    let log = AuditLog::in_memory([7; 32].into()).unwrap();
    let of_version = Intent { connection: Some("con_1".into()), connection_version: Some(3), ..intent("kim", "list") };
    drop(log.begin(of_version).await.unwrap());
    let records = log.records(&Query { kind: Some(RecordKind::Intent), ..everything() }).unwrap();
    assert_eq!(text(&records[0], "connection"), Some("con_1"));
    assert_eq!(records[0].content["connection_version"], 3);
}

#[tokio::test]
async fn queries_filter_and_limit() {
    let log = AuditLog::in_memory([7; 32].into()).unwrap();
    let mut calls = Vec::new();
    for (user, tool) in [("kim", "list"), ("lee", "list"), ("kim", "get")] {
        let open_call = log.begin(intent(user, tool)).await.unwrap();
        calls.push(open_call.call());
        let _receipt = log.finish(open_call, succeeded()).await.unwrap();
    }
    let refusal = Refusal {
        principal: Some(principal("lee")),
        tool: Some("hidden".into()),
        code: "tool_hidden".into(),
        ..Refusal::default()
    };
    let receipt = log.refuse(refusal).await.unwrap();
    assert_eq!(receipt.call(), None);
    let count = |query: Query| log.records(&query).unwrap().len();
    assert_eq!(count(everything()), 7);
    assert_eq!(count(Query { call: Some(calls[0]), ..everything() }), 2);
    assert_eq!(count(Query { user: Some("kim".into()), ..everything() }), 4);
    assert_eq!(count(Query { user: Some("kim".into()), tool: Some("get".into()), ..everything() }), 2);
    assert_eq!(count(Query { tenant: Some("other".into()), ..everything() }), 0);
    assert_eq!(count(Query { kind: Some(RecordKind::Refusal), ..everything() }), 1);
    assert_eq!(count(Query { last: 0, ..everything() }), 0);
    let last: Vec<_> =
        log.records(&Query { last: 2, ..Query::default() }).unwrap().iter().map(|record| record.seq).collect();
    assert_eq!(last, [6, 7]);
}

#[tokio::test]
async fn an_intent_that_is_too_large_is_refused() {
    let log = AuditLog::in_memory([7; 32].into()).unwrap();
    let mut large = intent("kim", "list");
    large.clear_arguments.insert("note".into(), Value::String("x".repeat(300 * 1024)));
    assert_eq!(log.begin(large).await.unwrap_err().code(), "audit_record_too_large");
    assert!(log.records(&everything()).unwrap().is_empty());
}

#[tokio::test]
async fn a_strangers_newlines_stay_in_their_record() {
    let log = AuditLog::in_memory([7; 32].into()).unwrap();
    let tool = "x\n{\"kind\":\"intent\"}\u{1b}[2J";
    let _receipt = log
        .refuse(Refusal { tool: Some(tool.into()), code: "no_such_tool".into(), ..Refusal::default() })
        .await
        .unwrap();
    let records = log.records(&everything()).unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(text(&records[0], "tool"), Some(tool));
    let line = serde_json::to_string(&records[0]).unwrap();
    assert!(!line.contains(['\n', '\u{1b}']), "{line}");
}

#[test]
fn digests_are_keyed() {
    let (one, two) = (AuditLog::in_memory([1; 32].into()).unwrap(), AuditLog::in_memory([2; 32].into()).unwrap());
    assert_eq!(one.digest(b"yes"), one.digest(b"yes"));
    assert_ne!(one.digest(b"yes"), one.digest(b"no"));
    assert_ne!(one.digest(b"yes"), two.digest(b"yes"), "without the key nobody can guess from the digest");
    assert_eq!(one.digest(b"yes").len(), 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_callers_than_places_wait_and_are_served() {
    let log = Arc::new(AuditLog::in_memory([7; 32].into()).unwrap());
    let tasks: Vec<_> = (0..3_000)
        .map(|_| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.begin(intent("kim", "list")).await.map(drop) })
        })
        .collect();
    for task in tasks {
        tokio::time::timeout(Duration::from_secs(30), task).await.unwrap().unwrap().unwrap();
    }
}
