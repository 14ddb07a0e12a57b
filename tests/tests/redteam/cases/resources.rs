//! Resources: what one call may use, and that nobody else notices. In every case a neighbour calls the host all the
//! while, and each of its calls must be answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use hostile_upstream::{Behaviour, HostileUpstream};
use serde_json::{Value, json};
use toolkeep_host::{Answer, CallError, HostError, Limits};
use toolkeep_tests::guest;

use crate::arena::{Arena, code, expect_code, limits, said, value};
use crate::case::{Case, Category, case};
use crate::upstreams::start;

const CATEGORY: Category = Category::Resources;
/// Longest that any of these may take until it is stopped, in seconds: many times the limits that are set, because
/// the machine may be slow, and far less than what no limit would mean.
pub(super) const PATIENCE_S: u64 = 45;

/// A call that ends with one of these codes.
macro_rules! call {
    ($id:literal, $guest:literal, $attack:literal, $defence:literal, $file:literal, $how:literal, $codes:expr) => {
        case!($id, $guest, $attack, $defence, $file, ends, $how, $codes)
    };
}

/// A component that does not load.
macro_rules! load {
    ($id:literal, $guest:literal, $attack:literal, $defence:literal, $file:literal, $said:expr) => {
        case!($id, $guest, $attack, $defence, $file, not_loaded, $said)
    };
}

const CPU: &[&str] = &["cpu_limit"];
const MEMORY: &[&str] = &["memory_limit"];
const TRAP: &[&str] = &["connector_failed"];
const LARGE: &[&str] = &["result_too_large"];
const INVALID: &[&str] = &["answer_invalid"];

pub(crate) const CASES: &[Case] = &[
    call!(
        "resources/loop",
        "endless_loop",
        "spins without end",
        "processor time is counted, and ends",
        "host/runtime/src/instance.rs",
        "",
        CPU
    ),
    call!(
        "resources/loop-of-host-calls",
        "endless_loop",
        "asks the host for the time without end",
        "processor time is counted, and ends",
        "host/runtime/src/instance.rs",
        "asking",
        CPU
    ),
    case!(
        "resources/loop-in-identify",
        "endless_loop",
        "spins without end in identify",
        "identify has a call's limits",
        "host/runtime/src/instance.rs",
        identify_ends
    ),
    load!(
        "resources/loop-in-describe",
        "loops_describing",
        "spins without end in describe",
        "describe has a call's limits",
        "host/runtime/src/component.rs",
        "processor time"
    ),
    load!(
        "resources/loop-at-start",
        "start_loop",
        "spins without end before any export is called",
        "starting is within the limits",
        "host/runtime/src/instance.rs",
        "processor time"
    ),
    call!(
        "resources/sleep",
        "sleeps",
        "sleeps for an hour",
        "a call has so much time",
        "host/runtime/src/instance.rs",
        "",
        &["time_limit"]
    ),
    call!(
        "resources/many-clocks",
        "sleeps",
        "waits for five hundred clocks at once, for an hour",
        "a call has so much time",
        "host/runtime/src/instance.rs",
        "many",
        &["time_limit"]
    ),
    call!(
        "resources/memory",
        "memory_bomb",
        "takes memory a little at a time for ever",
        "a call has so much memory",
        "host/runtime/src/instance.rs",
        "",
        MEMORY
    ),
    case!(
        "resources/memory-at-once",
        "memory_bomb",
        "takes four gigabytes of memory at once",
        "a call has so much memory",
        "host/runtime/src/instance.rs",
        memory_at_once
    ),
    load!(
        "resources/memory-at-start",
        "start_memory",
        "grows its memory before any export is called",
        "starting is within the limits",
        "host/runtime/src/instance.rs",
        "memory"
    ),
    load!(
        "resources/memory-declared",
        "huge_memory",
        "begins with four gigabytes of memory",
        "it does not load",
        "host/runtime/src/engine.rs",
        "memor"
    ),
    load!(
        "resources/memories",
        "many_memories",
        "consists of instances with a memory each",
        "a component has one memory",
        "host/runtime/src/engine.rs",
        "memor"
    ),
    load!(
        "resources/table-at-start",
        "start_table",
        "grows a table without end",
        "a call has tables of so many elements",
        "host/runtime/src/instance.rs",
        "table elements"
    ),
    load!(
        "resources/table-declared",
        "huge_table",
        "begins with ten million table elements",
        "it does not load",
        "host/runtime/src/engine.rs",
        "table"
    ),
    load!(
        "resources/tables",
        "many_tables",
        "consists of eight modules with a table each",
        "a component has so many tables",
        "host/runtime/src/engine.rs",
        "table"
    ),
    load!(
        "resources/instances",
        "many_instances",
        "consists of a hundred core instances",
        "a component has so many instances",
        "host/runtime/src/engine.rs",
        "instances"
    ),
    call!(
        "resources/recursion",
        "deep_recursion",
        "calls itself without end",
        "it runs off its own stack, and traps",
        "host/runtime/src/engine.rs",
        "",
        TRAP
    ),
    call!(
        "resources/recursion-counted",
        "deep_recursion",
        "calls itself a hundred thousand times",
        "it has so many bytes of stack, and traps",
        "host/runtime/src/engine.rs",
        "counted",
        TRAP
    ),
    load!(
        "resources/recursion-at-start",
        "start_recursion",
        "calls itself without end before any export is called",
        "it runs off its own stack, and traps",
        "host/runtime/src/engine.rs",
        ""
    ),
    call!(
        "resources/result",
        "malformed_result",
        "answers with two megabytes of JSON",
        "an answer has so many bytes",
        "host/runtime/src/call/answer.rs",
        "giant",
        LARGE
    ),
    call!(
        "resources/result-text",
        "malformed_result",
        "answers with two megabytes of text",
        "an answer has so many bytes",
        "host/runtime/src/call/answer.rs",
        "giant_text",
        LARGE
    ),
    call!(
        "resources/result-image",
        "malformed_result",
        "answers with a picture of two megabytes",
        "an answer has so many bytes",
        "host/runtime/src/call/answer.rs",
        "giant_image",
        LARGE
    ),
    call!(
        "resources/result-parts",
        "malformed_result",
        "answers in ten thousand parts",
        "an answer has so many parts",
        "host/runtime/src/call/answer.rs",
        "many_parts",
        &["answer_invalid", "connector_failed"]
    ),
    call!(
        "resources/result-not-json",
        "malformed_result",
        "answers with half a JSON text",
        "an answer is one JSON object",
        "host/runtime/src/call/answer.rs",
        "not_json",
        INVALID
    ),
    call!(
        "resources/result-not-object",
        "malformed_result",
        "answers with a list",
        "an answer is one JSON object",
        "host/runtime/src/call/answer.rs",
        "not_object",
        INVALID
    ),
    call!(
        "resources/result-two",
        "malformed_result",
        "answers with two objects",
        "an answer is one JSON object",
        "host/runtime/src/call/answer.rs",
        "two_values",
        INVALID
    ),
    call!(
        "resources/result-nested",
        "malformed_result",
        "answers with JSON nested two hundred deep",
        "JSON is read to a bounded depth",
        "host/runtime/src/call/answer.rs",
        "nested",
        INVALID
    ),
    call!(
        "resources/result-depth",
        "malformed_result",
        "answers with JSON nested a hundred thousand deep",
        "JSON is read to a bounded depth",
        "host/runtime/src/call/answer.rs",
        "deep",
        INVALID
    ),
    case!(
        "resources/error-text",
        "malformed_result",
        "fails with a text of a megabyte",
        "an error's text is cut",
        "host/runtime/src/call/answer.rs",
        error_text
    ),
    call!(
        "resources/handles",
        "hoards_handles",
        "keeps a million lists of headers",
        "a call has so many handles",
        "host/runtime/src/instance.rs",
        "",
        TRAP
    ),
    call!(
        "resources/handles-few",
        "hoards_handles",
        "keeps two thousand lists of headers",
        "a call has so many handles",
        "host/runtime/src/instance.rs",
        "few",
        TRAP
    ),
    call!(
        "resources/handles-requests",
        "hoards_handles",
        "keeps a million requests",
        "a call has so many handles",
        "host/runtime/src/instance.rs",
        "requests",
        TRAP
    ),
    call!(
        "resources/handles-clocks",
        "hoards_handles",
        "keeps a million clocks",
        "a call has so many handles",
        "host/runtime/src/instance.rs",
        "clocks",
        TRAP
    ),
    case!(
        "resources/long-methods",
        "hoards_bytes",
        "writes methods and authorities of a megabyte into a thousand requests, and sends none",
        "what is written into a request is bounded where it is written",
        "host/runtime/src/unsent.rs",
        long_methods
    ),
    case!(
        "resources/unfinished-bodies",
        "hoards_bytes",
        "writes as much as it can into the bodies of three hundred requests, and finishes none",
        "a body that nobody reads takes a few writes",
        "host/runtime/src/gate/outgoing_handler.rs",
        unfinished_bodies,
        ""
    ),
    case!(
        "resources/dropped-bodies",
        "hoards_bytes",
        "writes as much as it can into the bodies of three hundred requests, and drops them",
        "a body that nobody reads takes a few writes",
        "host/runtime/src/gate/outgoing_handler.rs",
        unfinished_bodies,
        "dropped"
    ),
    call!(
        "resources/crossing-log",
        "crossing_bomb",
        "writes a line of twenty-four megabytes",
        "what crosses to the host is bounded",
        "host/runtime/src/instance.rs",
        "",
        TRAP
    ),
    call!(
        "resources/crossing-progress",
        "crossing_bomb",
        "reports progress of twenty-four megabytes",
        "what crosses to the host is bounded",
        "host/runtime/src/instance.rs",
        "progress",
        TRAP
    ),
    call!(
        "resources/crossing-header",
        "crossing_bomb",
        "sets a header of twenty-four megabytes",
        "what crosses to the host is bounded",
        "host/runtime/src/instance.rs",
        "header",
        TRAP
    ),
    call!(
        "resources/crossing-url",
        "crossing_bomb",
        "asks with a URL of twenty-four megabytes",
        "what crosses to the host is bounded",
        "host/runtime/src/instance.rs",
        "url",
        TRAP
    ),
    call!(
        "resources/random-at-once",
        "random_flood",
        "asks for all random bytes that a number can count",
        "so many random bytes are given at once",
        "host/runtime/src/random.rs",
        "all",
        TRAP
    ),
    call!(
        "resources/random-much",
        "random_flood",
        "asks for a megabyte of random bytes at once",
        "so many random bytes are given at once",
        "host/runtime/src/random.rs",
        "much",
        TRAP
    ),
    call!(
        "resources/random-for-ever",
        "random_flood",
        "asks for random bytes for ever",
        "processor time is counted, and ends",
        "host/runtime/src/instance.rs",
        "",
        CPU
    ),
];

/// Limits that are soon reached.
pub(super) fn tight() -> Limits {
    let mut tight = limits();
    tight.memory_bytes = 32 << 20;
    tight.upstream_requests = 20;
    tight.request_body_bytes = 256 << 10;
    tight.response_body_bytes = 1 << 20;
    tight
}

/// What came of a call beside a neighbour's, and the upstream that it had.
pub(super) type Attacked = (Result<Answer, CallError>, HostileUpstream);

pub(super) async fn attacked(arena: &Arc<Arena>, limits: Limits, how: &str, verb: &str) -> Result<Attacked> {
    let upstream = start(arena, Behaviour::Plausible).await?;
    let scene = arena.limited(&upstream.base_url(), limits).await?;
    let begun = Instant::now();
    let result = scene.beside_a_neighbour(scene.call_tool(verb, how, "")).await?;
    ensure!(begun.elapsed().as_secs() < PATIENCE_S, "it was stopped after {:?}", begun.elapsed());
    Ok((result, upstream))
}

pub(super) async fn ends(arena: Arc<Arena>, how: &str, codes: &[&str]) -> Result<()> {
    let mut limits = tight();
    match arena.guest()? {
        "sleeps" => limits.wall_clock_ms = 1_000,
        // Its bombs are made within its memory.
        "crossing_bomb" => limits.memory_bytes = 256 << 20,
        _ => {}
    }
    let verb = if arena.guest()? == "giant_request" { "make" } else { "do" };
    let (result, _upstream) = attacked(&arena, limits, how, verb).await?;
    expect_code(result, codes)
}

async fn identify_ends(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.limited(&upstream.base_url(), tight()).await?;
    let code = code(scene.beside_a_neighbour(scene.identify()).await?)?;
    ensure!(code == "cpu_limit", "it ended with {code}");
    Ok(())
}

async fn memory_at_once(arena: Arc<Arena>) -> Result<()> {
    let scene = arena.limited("http://127.0.0.1:1", tight()).await?;
    let told = scene.beside_a_neighbour(scene.call("at_once", "")).await?;
    // To be told no is all right; to be given it is not.
    let grown = told.map_or_else(|error| error.code().to_owned(), |answer| said(&answer).unwrap_or_default());
    ensure!(grown == "-1", "it was given {grown}");
    Ok(())
}

async fn not_loaded(arena: Arc<Arena>, limit: &str) -> Result<()> {
    let scene = arena.empty("http://127.0.0.1:1", tight(), |builder| builder)?;
    let wasm = guest(arena.guest()?)?;
    let begun = Instant::now();
    let error = scene.beside_a_neighbour(scene.refused(&wasm)).await??;
    ensure!(begun.elapsed().as_secs() < PATIENCE_S, "it was stopped after {:?}", begun.elapsed());
    ensure!(
        matches!(error, HostError::DescribeFailed(_) | HostError::NotAComponent(_) | HostError::TooComplex { .. }),
        "{error:?}"
    );
    ensure!(error.to_string().contains(limit), "the refusal does not say {limit:?}: {error}");
    Ok(())
}

/// Most that the whole process may grow by while one component hoards, in bytes: half of what it tries for, and
/// several times what other cases that run meanwhile use.
const GROWTH_BYTES: u64 = 1 << 30;

/// A call by a component that hoards, its limits tight but for the time that trying takes. Gives what it said.
async fn hoarded(arena: &Arc<Arena>, how: &str) -> Result<Value> {
    let mut patient = tight();
    patient.cpu_ms = 20_000;
    let scene = arena.limited("http://127.0.0.1:1", patient).await?;
    let before = resident_bytes()?;
    let mut most = before;
    let mut call = std::pin::pin!(scene.beside_a_neighbour(scene.call(how, "")));
    let answer = loop {
        tokio::select! {
            answer = &mut call => break answer??,
            () = tokio::time::sleep(Duration::from_millis(10)) => most = most.max(resident_bytes()?),
        }
    };
    ensure!(most.saturating_sub(before) < GROWTH_BYTES, "the host grew by {} MiB", most.saturating_sub(before) >> 20);
    value(&answer)
}

/// Memory of this process, in bytes. Where no file tells, what the component was told must do.
fn resident_bytes() -> Result<u64> {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return Ok(0) };
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    Ok(kibibytes.context("the process has a size")?.trim().parse::<u64>()? << 10)
}

async fn long_methods(arena: Arc<Arena>) -> Result<()> {
    // One first, so that a host which takes it is not given two gigabytes.
    let seen = hoarded(&arena, "text").await?;
    ensure!(seen.get("taken") == Some(&json!(0)), "the host keeps a text of a megabyte: {seen}");
    let seen = hoarded(&arena, "texts").await?;
    ensure!(seen.get("held") == Some(&json!(1_000)), "it did not get as far as its requests: {seen}");
    ensure!(seen.get("taken") == Some(&json!(0)), "the host keeps texts of a megabyte: {seen}");
    Ok(())
}

async fn unfinished_bodies(arena: Arc<Arena>, how: &str) -> Result<()> {
    let seen = hoarded(&arena, how).await?;
    let number = |name: &str| seen.get(name).and_then(Value::as_u64);
    ensure!(number("begun") == Some(300), "it did not get as far as its requests: {seen}");
    let most = number("most").context("a number of bytes")?;
    ensure!(most > 0, "it wrote nothing, so nothing was tried: {seen}");
    ensure!(most <= 64 << 10, "one body that nobody reads took {most} bytes");
    Ok(())
}

async fn error_text(arena: Arc<Arena>) -> Result<()> {
    let scene = arena.limited("http://127.0.0.1:1", tight()).await?;
    for how in ["error", "error_json"] {
        match scene.beside_a_neighbour(scene.call(how, "")).await? {
            Ok(answer) => bail!("it was answered: {answer:?}"),
            Err(error) => {
                let shown = format!("{} {:?}", error.public_message(), error.details());
                ensure!(shown.len() <= 32 << 10, "{how}: the caller reads {} bytes", shown.len());
            }
        }
    }
    Ok(())
}
