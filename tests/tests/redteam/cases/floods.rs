//! Resources, part two: what goes out to upstreams and comes back from them. A neighbour calls the host all the
//! while, as in `resources`.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use hostile_upstream::{Behaviour, Flood, Slow};
use toolkeep_host::Limits;

use super::resources::{PATIENCE_S, attacked, ends, tight};
use crate::arena::{Arena, expect_code, said};
use crate::case::{Case, Category, case};
use crate::upstreams::start;

const CATEGORY: Category = Category::Resources;

/// An upstream that keeps the component's request from ever being answered, and what is on record then: the limit
/// that is meant, and not another that would also have ended it.
macro_rules! upstream {
    ($id:literal, $attack:literal, $defence:literal, $file:literal, $behaviour:expr, $code:literal) => {
        case!($id, "reads_echo", $attack, $defence, $file, unanswered, $behaviour, $code)
    };
}

pub(crate) const CASES: &[Case] = &[
    case!(
        "resources/requests",
        "requests_without_end",
        "makes request after request",
        "a call has so many requests",
        "host/runtime/src/gate/ledger.rs",
        many_requests,
        ""
    ),
    case!(
        "resources/requests-at-once",
        "requests_without_end",
        "makes four hundred requests at once",
        "a call has so many requests, a few at a time",
        "host/runtime/src/gate/ledger.rs",
        many_requests,
        "at_once"
    ),
    case!(
        "resources/requests-unfinished",
        "requests_without_end",
        "begins four hundred requests and finishes none",
        "a call has so many requests, finished or not",
        "host/runtime/src/gate/ledger.rs",
        many_requests,
        "unfinished"
    ),
    case!(
        "resources/request-body",
        "giant_request",
        "sends a body without end",
        "a request has so many bytes",
        "host/runtime/src/gate.rs",
        ends,
        "",
        &["request_too_large"]
    ),
    case!(
        "resources/request-never-finished",
        "sleeps",
        "begins a request, and waits for its answer without finishing it",
        "an exchange has so much time",
        "host/runtime/src/gate.rs",
        unfinished_request
    ),
    case!(
        "resources/header-fields",
        "crossing_bomb",
        "sets five thousand headers",
        "a list of headers has so many bytes",
        "host/runtime/src/instance.rs",
        header_fields
    ),
    case!(
        "resources/header-fields-some",
        "crossing_bomb",
        "sets a hundred and fifty headers",
        "a request has so many header fields",
        "host/runtime/src/gate.rs",
        some_header_fields
    ),
    upstream!(
        "resources/answer-without-end",
        "its upstream answers without end",
        "an answer has so many bytes",
        "host/runtime/src/gate.rs",
        Behaviour::Flood(Flood::EndlessBody),
        "response_too_large"
    ),
    upstream!(
        "resources/answer-without-length",
        "its upstream answers without length and end",
        "an answer has so many bytes",
        "host/runtime/src/gate.rs",
        Behaviour::Flood(Flood::EndlessBodyWithoutLength),
        "response_too_large"
    ),
    upstream!(
        "resources/answer-huge-length",
        "its upstream announces a petabyte",
        "an announced length is not believed, and not allocated",
        "host/runtime/src/gate.rs",
        Behaviour::Flood(Flood::HugeLength),
        "response_too_large"
    ),
    upstream!(
        "resources/answer-headers",
        "its upstream sends headers without end",
        "an answer's head has so many bytes",
        "host/runtime/src/upstream.rs",
        Behaviour::Flood(Flood::EndlessHeaders),
        "response_headers"
    ),
    upstream!(
        "resources/answer-many-headers",
        "its upstream sends ten thousand headers",
        "an answer has so many header fields",
        "host/runtime/src/upstream.rs",
        Behaviour::Flood(Flood::ManyHeaders),
        "response_headers"
    ),
    upstream!(
        "resources/answer-some-headers",
        "its upstream sends a hundred and fifty headers",
        "an answer has so many header fields",
        "host/runtime/src/gate/answer.rs",
        Behaviour::Bytes(some_headers()),
        "response_headers"
    ),
    upstream!(
        "resources/answer-long-header",
        "its upstream sends a header of a megabyte",
        "an answer's head has so many bytes",
        "host/runtime/src/upstream.rs",
        Behaviour::Flood(Flood::LongHeader),
        "response_headers"
    ),
    upstream!(
        "resources/answer-large-head",
        "its upstream sends a header of a hundred kilobytes, which fits into what is read at once",
        "an answer's header section has so many bytes",
        "host/runtime/src/gate/answer.rs",
        Behaviour::Bytes(large_head()),
        "response_headers"
    ),
    upstream!(
        "resources/answer-bomb",
        "its upstream sends a compression bomb",
        "what is compressed is refused unread",
        "host/runtime/src/gate/answer.rs",
        Behaviour::Flood(Flood::CompressionBomb),
        "response_encoding"
    ),
    upstream!(
        "resources/answer-never",
        "its upstream takes the request and says nothing",
        "an exchange has so much time",
        "host/runtime/src/gate.rs",
        Behaviour::Slow(Slow::NeverAnswers),
        "upstream_timeout"
    ),
    upstream!(
        "resources/answer-stalls",
        "its upstream stalls in the middle of its headers",
        "an exchange has so much time",
        "host/runtime/src/gate.rs",
        Behaviour::Slow(Slow::StallsInHead),
        "upstream_timeout"
    ),
    upstream!(
        "resources/answer-stalls-in-body",
        "its upstream stalls in the middle of its body",
        "an exchange has so much time",
        "host/runtime/src/gate.rs",
        Behaviour::Slow(Slow::StallsInBody),
        "upstream_timeout"
    ),
    upstream!(
        "resources/answer-drips",
        "its upstream sends one byte at a time, slowly",
        "one clock for the whole exchange, not one for each byte",
        "host/runtime/src/gate.rs",
        Behaviour::Slow(Slow::Drip { every_ms: 200 }),
        "upstream_timeout"
    ),
    upstream!(
        "resources/answer-drips-headers",
        "its upstream sends header after header, slowly",
        "one clock for the whole exchange, not one for each byte",
        "host/runtime/src/gate.rs",
        Behaviour::Slow(Slow::SlowHeaders { every_ms: 200 }),
        "upstream_timeout"
    ),
];

/// Limits for what only waits, which processor time does not end.
fn impatient() -> Limits {
    let mut impatient = tight();
    impatient.upstream_ms = 1_500;
    impatient
}

async fn many_requests(arena: Arc<Arena>, how: &str) -> Result<()> {
    let verb = if how == "unfinished" { "make" } else { "do" };
    let (result, upstream) = attacked(&arena, tight(), how, verb).await?;
    let asked = upstream.requests().len();
    ensure!(asked <= tight().upstream_requests as usize, "{asked} requests left");
    match result {
        // What it never finishes is never sent, and never counts as more than begun.
        Ok(answer) => ensure!(how == "unfinished" && asked == 0, "it was answered: {answer:?}"),
        failed => expect_code(failed, &["too_many_requests"])?,
    }
    Ok(())
}

async fn unfinished_request(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.limited(&upstream.base_url(), impatient()).await?;
    let begun = Instant::now();
    let answer = scene.beside_a_neighbour(scene.call_tool("make", "unfinished", "")).await??;
    let told = said(&answer)?;
    ensure!(told.starts_with("failed: "), "{told}");
    let errors = scene.request_errors()?;
    ensure!(errors == ["upstream_timeout"], "{errors:?}");
    ensure!(begun.elapsed().as_secs() < PATIENCE_S, "it was stopped after {:?}", begun.elapsed());
    ensure!(upstream.requests().is_empty(), "it left: {:?}", upstream.requests());
    Ok(())
}

async fn header_fields(arena: Arc<Arena>) -> Result<()> {
    let (result, upstream) = attacked(&arena, crossing(), "headers", "do").await?;
    ensure!(upstream.requests().is_empty(), "it left");
    // The list itself is refused: there is no request.
    expect_code(result, &["connector_failed"])
}

async fn some_header_fields(arena: Arc<Arena>) -> Result<()> {
    let (result, upstream) = attacked(&arena, crossing(), "some_headers", "do").await?;
    ensure!(upstream.requests().is_empty(), "it left");
    expect_code(result, &["too_many_headers"])
}

/// Limits within which a component can make texts of megabytes.
fn crossing() -> Limits {
    let mut limits = tight();
    limits.memory_bytes = 256 << 20;
    limits
}

/// An answer that is good but for the size of one header.
fn large_head() -> Vec<u8> {
    let long = "a".repeat(100_000);
    format!("HTTP/1.1 200 OK\r\nx-long: {long}\r\ncontent-length: 2\r\n\r\n{{}}").into_bytes()
}

/// An answer that is good but for the number of its headers.
fn some_headers() -> Vec<u8> {
    let headers: String = (0..150).map(|number| format!("X-{number}: 1\r\n")).collect();
    format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 2\r\n\r\n{{}}").into_bytes()
}

async fn unanswered(arena: Arc<Arena>, behaviour: Behaviour, code: &str) -> Result<()> {
    let upstream = start(&arena, behaviour).await?;
    let scene = arena.limited(&upstream.base_url(), impatient()).await?;
    let begun = Instant::now();
    let result = scene.beside_a_neighbour(scene.call("", "1")).await?;
    ensure!(begun.elapsed().as_secs() < PATIENCE_S, "it was stopped after {:?}", begun.elapsed());
    ensure!(upstream.requests().len() == 1, "{} requests were made", upstream.requests().len());
    let told = said(&result?)?;
    ensure!(told.starts_with("failed: "), "the component was answered: {told}");
    let errors = scene.request_errors()?;
    ensure!(errors == [code], "it was stopped by {errors:?} instead of {code}");
    Ok(())
}
