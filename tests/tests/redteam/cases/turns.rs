//! Resources, part three: whose turn it is, for how long, and how many at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use hostile_upstream::{Behaviour, Slow};
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use toolkeep_tests::bombs::{self, Bomb};
use toolkeep_tests::guest;

use super::load::NOWHERE;
use super::resources::{PATIENCE_S, tight};
use crate::arena::{Arena, code, expect_code, limits, said};
use crate::case::{Case, Category, case};
use crate::upstreams::start;

const CATEGORY: Category = Category::Resources;

pub(crate) const CASES: &[Case] = &[
    case!(
        "resources/compile-bomb",
        nobody,
        "is a small component that takes minutes to compile",
        "what compiling costs is bounded before anything is compiled",
        "host/runtime/src/bounds.rs",
        compile_bomb
    ),
    case!(
        "resources/compile-time",
        "fixture",
        "is within all bounds, and takes longer to compile than anybody waits",
        "a compilation is waited for so long",
        "host/runtime/src/component.rs",
        compile_time
    ),
    case!(
        "resources/rate",
        "reads_echo",
        "is called over and over by one user",
        "a user makes so many calls in a time, and nobody else is held up",
        "host/runtime/src/places.rs",
        rate
    ),
    case!(
        "resources/rate-log",
        "reads_echo",
        "is called five hundred times more after its user's calls are used up, to fill the log",
        "refusals of one user are counted, and a few of them recorded",
        "host/runtime/src/places.rs",
        rate_log
    ),
    case!(
        "resources/places",
        "sleeps",
        "takes every place that the host has for calls",
        "others wait for so long, and are told to come back",
        "host/runtime/src/places.rs",
        places
    ),
    case!(
        "resources/own-places",
        "sleeps",
        "takes more places than one user has, while there are some for others",
        "one user has so many places, and waits for no other",
        "host/runtime/src/places.rs",
        own_places
    ),
    case!(
        "resources/requests-in-flight",
        "requests_without_end",
        "makes four hundred requests at once, and its upstream answers none",
        "a few are under way, and the others wait for their turn",
        "host/runtime/src/gate.rs",
        in_flight,
        "at_once"
    ),
    case!(
        "resources/bodiless-in-flight",
        "requests_without_end",
        "makes four hundred requests at once that have no bodies, and its upstream answers none",
        "a few are under way, and the others wait for their turn",
        "host/runtime/src/gate.rs",
        in_flight,
        "at_once bodiless"
    ),
    case!(
        "resources/answers-together",
        "asks_on",
        "reads answers that are each within the limit, and too many together",
        "all answers of a call have so many bytes",
        "host/runtime/src/gate.rs",
        answers_together
    ),
    case!(
        "resources/connect-never",
        "reads_echo",
        "its upstream lets no connection come about",
        "an upstream accepts a connection in so much time",
        "host/runtime/src/upstream.rs",
        connect_never
    ),
];

async fn compile_bomb(arena: Arc<Arena>) -> Result<()> {
    // A cache of its own: what is in a cache is not looked at again.
    let folder = tempfile::tempdir()?;
    let scene = arena.in_cache(NOWHERE, tight(), folder.path().join("cache"), |builder| builder)?;
    // The first costs nothing, so that a host which compiles what it should not is found out at once.
    let wasm = wat::parse_str(format!("(component (core module (func (param{}))))", " i32".repeat(65)))?;
    let parameters = Bomb { name: "parameters".to_owned(), wasm };
    let bombs =
        [parameters, bombs::joins(1, 2_900, 50, 20)?, bombs::empty_functions(60_001)?, bombs::idle_locals(667, 3_000)?];
    for bomb in bombs {
        let begun = Instant::now();
        let error = scene.beside_a_neighbour(scene.refused(&bomb.wasm)).await??;
        ensure!(error.code() == "component_too_complex", "{}: {error}", bomb.name);
        ensure!(begun.elapsed().as_secs() < PATIENCE_S, "{}: refused after {:?}", bomb.name, begun.elapsed());
    }
    Ok(())
}

async fn compile_time(arena: Arc<Arena>) -> Result<()> {
    let mut hasty = tight();
    hasty.compile_ms = 1;
    // A cache of its own, in which it is not.
    let folder = tempfile::tempdir()?;
    let scene = arena.in_cache(NOWHERE, hasty, folder.path().join("cache"), |builder| builder)?;
    // An honest one takes several hundred milliseconds, on any machine.
    let error = scene.refused(&guest("fixture")?).await?;
    ensure!(error.code() == "compile_too_slow", "{error}");
    Ok(())
}

async fn rate(arena: Arc<Arena>) -> Result<()> {
    let mut slow = tight();
    // So seldom that no machine is slow enough to be allowed another one.
    slow.calls_per_minute_per_principal = 1;
    slow.calls_burst_per_principal = 5;
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.limited(&upstream.base_url(), slow).await?;
    scene.load("fixture").await?;
    let mut ends = Vec::new();
    for _ in 0..8 {
        ends.push(scene.call("", "1").await.map_or_else(|error| error.code(), |_| "answered"));
    }
    ensure!(ends.iter().filter(|end| **end == "answered").count() == 5, "{ends:?}");
    ensure!(ends.iter().filter(|end| **end == "too_many_calls").count() == 3, "{ends:?}");
    ensure!(upstream.requests().len() == 5, "{} requests left", upstream.requests().len());
    let records = scene.stage.records()?;
    let recorded =
        records.iter().filter(|record| record.content.get("code").is_some_and(|code| code == "too_many_calls"));
    ensure!(recorded.count() == 1, "in a minute one of them is recorded, or the log is what is flooded");
    scene.call_as(&scene.lee()?, "fixture_nothing", serde_json::json!({})).await?;
    Ok(())
}

/// Most records of five hundred refusals that one user was given within a minute, or two.
const FEW_RECORDS: usize = 5;

async fn rate_log(arena: Arc<Arena>) -> Result<()> {
    let mut slow = tight();
    slow.calls_per_minute_per_principal = 1;
    slow.calls_burst_per_principal = 1;
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.limited(&upstream.base_url(), slow).await?;
    scene.call("", "1").await?;
    let before = scene.stage.records()?.len();
    for _ in 0..500 {
        expect_code(scene.call("", "1").await, &["too_many_calls"])?;
    }
    let records = scene.stage.records()?;
    let more = records.len() - before;
    ensure!((1..=FEW_RECORDS).contains(&more), "500 refused calls left {more} records");
    Ok(())
}

async fn places(arena: Arc<Arena>) -> Result<()> {
    let mut few = tight();
    few.concurrent_calls = 2;
    few.wall_clock_ms = 3_000;
    few.queue_ms = 100;
    let scene = arena.limited("http://127.0.0.1:1", few).await?;
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let scene = scene.clone();
            tokio::spawn(async move { scene.call("", "").await })
        })
        .collect();
    let mut ends = Vec::new();
    for call in calls {
        ends.push(code(call.await?)?);
    }
    // Two places, and four who want one for longer than anybody waits.
    ensure!(ends.iter().all(|end| ["busy", "time_limit"].contains(end)), "{ends:?}");
    ensure!(ends.contains(&"busy") && ends.contains(&"time_limit"), "{ends:?}");
    scene.load("fixture").await?;
    let lee = scene.lee()?;
    scene.call_as(&lee, "fixture_nothing", serde_json::json!({})).await?;
    Ok(())
}

async fn own_places(arena: Arc<Arena>) -> Result<()> {
    let mut one = tight();
    one.concurrent_calls_per_principal = 1;
    one.wall_clock_ms = 3_000;
    one.queue_ms = 100;
    let scene = arena.limited(NOWHERE, one).await?;
    scene.load("fixture").await?;
    let calls: Vec<_> = (0..2)
        .map(|_| {
            let scene = scene.clone();
            tokio::spawn(async move { scene.call("", "").await })
        })
        .collect();
    let lee = scene.lee()?;
    let mut ends = Vec::new();
    for call in calls {
        scene.call_as(&lee, "fixture_nothing", json!({})).await.context("the neighbour's call")?;
        ends.push(code(call.await?)?);
    }
    ends.sort_unstable();
    // One place, and one who wants it for longer than anybody waits.
    ensure!(ends == ["busy", "time_limit"], "{ends:?}");
    Ok(())
}

/// Requests of one call that may be under way at once.
const AT_ONCE: u32 = 4;

async fn in_flight(arena: Arc<Arena>, how: &'static str) -> Result<()> {
    let upstream = start(&arena, Behaviour::Slow(Slow::NeverAnswers)).await?;
    let mut few = tight();
    few.upstream_requests = 1_000;
    few.upstream_requests_at_once = AT_ONCE;
    few.upstream_ms = 6_000;
    let scene = arena.limited(&upstream.base_url(), few).await?;
    let running = tokio::spawn({
        let scene = scene.clone();
        async move { scene.call(how, "").await }
    });
    while upstream.requests().len() < AT_ONCE as usize {
        ensure!(!running.is_finished(), "the call ended before its requests");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // Long enough for all the others, if they did not wait.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let under_way = upstream.requests().len();
    ensure!(under_way == AT_ONCE as usize, "{under_way} requests are under way at once");
    let told = said(&running.await??)?;
    ensure!(told.starts_with("400 asked"), "{told}");
    Ok(())
}

async fn answers_together(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Honest(json!({ "text": "x".repeat(500 << 10) }))).await?;
    let mut little = tight();
    little.response_bytes_per_call = 1 << 20;
    let scene = arena.limited(&upstream.base_url(), little).await?;
    // Three requests, of which two answers fit.
    expect_code(scene.call("", "").await, &["responses_too_large"])?;
    ensure!(upstream.requests().len() == 3, "{} requests were made", upstream.requests().len());
    Ok(())
}

/// Connections that a listener could take, at most, although nobody accepts them.
const MOST_WAITING: usize = 64;

/// A listener that takes no connection any more, because as many wait as may; and those.
async fn full() -> Result<(TcpListener, Vec<TcpStream>)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(1)?;
    let mut waiting = Vec::new();
    for _ in 0..MOST_WAITING {
        let connected = TcpStream::connect(listener.local_addr()?);
        match tokio::time::timeout(Duration::from_millis(200), connected).await {
            Ok(connection) => waiting.push(connection?),
            Err(_) => return Ok((listener, waiting)),
        }
    }
    bail!("{MOST_WAITING} connections wait, and there is room for more")
}

async fn connect_never(arena: Arc<Arena>) -> Result<()> {
    let (listener, _waiting) = full().await?;
    let mut impatient = limits();
    impatient.connect_ms = 300;
    // So much later that what ended it is known.
    impatient.upstream_ms = 20_000;
    let scene = arena.limited(&format!("http://{}", listener.local_addr()?), impatient).await?;
    let told = said(&scene.call("", "1").await?)?;
    ensure!(told.starts_with("failed: "), "{told}");
    let errors = scene.request_errors()?;
    ensure!(errors == ["connect_timeout"], "{errors:?}");
    Ok(())
}
