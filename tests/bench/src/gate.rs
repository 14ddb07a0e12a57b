//! What the exit costs: looking through answers, and a request through the gate beside the same one by the bare
//! client. The texts are a real page of incidents, as it is and in the notations that a scanner has to decode.

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use pagerduty_simulator::DEMO_OAUTH_TOKEN;
use secrecy::SecretString;
use toolkeep_host::measure::TwoWays;
use toolkeep_policy::secret_scan::Scanner;
use toolkeep_vault::{ConnectionKey, CredentialKind, KeySource, NewConnection, Vault};
use zeroize::Zeroizing;

use crate::Amounts;
use crate::figures::{Figure, Target};
use crate::library::principal;
use crate::native;
use crate::stage::Stage;
use crate::statistics::{Times, median};

/// Pieces of a body as they commonly come from a connection, in bytes.
const PIECE_BYTES: usize = 16 << 10;
/// The answer that the gate's cost is measured with, in bytes: a page of 36 incidents.
const ANSWER_BYTES: usize = 60_000;
/// Scanners that are made one after the other, for one time.
const BUILDS: usize = 100;

/// Measures the scanner by itself, and the gate.
pub(crate) async fn measure(stage: &Stage, amounts: &Amounts) -> anyhow::Result<Vec<Figure>> {
    let url = format!("{}/incidents?limit=100", stage.simulator().url);
    let client = native::client()?;
    let answer = client.get(url).bearer_auth(DEMO_OAUTH_TOKEN).send().await?.error_for_status()?;
    let page = answer.text().await?;
    ensure!(page.len() > ANSWER_BYTES, "a page of 100 incidents has only {} bytes", page.len());
    let mut figures = scanning(&page, amounts)?;
    figures.push(overhead(&page, stage, amounts).await?);
    Ok(figures)
}

fn scanning(page: &str, amounts: &Amounts) -> anyhow::Result<Vec<Figure>> {
    let scanner = Scanner::new(DEMO_OAUTH_TOKEN.as_bytes()).context("the token is long enough to be looked for")?;
    let escaped = |write: fn(&mut String, u8) -> std::fmt::Result| -> anyhow::Result<String> {
        let mut text = String::new();
        page.bytes().try_for_each(|byte| write(&mut text, byte))?;
        Ok(text)
    };
    let texts = [
        ("scan_gb_per_s", "looking through answers: JSON of incidents", page.to_owned()),
        ("scan_percent_gb_per_s", "… all of it percent-encoded", escaped(|text, byte| write!(text, "%{byte:02X}"))?),
        ("scan_escapes_gb_per_s", "… all of it JSON escapes", escaped(|text, byte| write!(text, "\\u{byte:04x}"))?),
        ("scan_entities_gb_per_s", "… all of it HTML references", escaped(|text, byte| write!(text, "&#{byte};"))?),
        ("scan_base64_gb_per_s", "… noise of letters and digits", noise(page.len())),
    ];
    let mut figures = Vec::new();
    for (id, what, text) in texts {
        let mut times = Vec::with_capacity(amounts.repeats / 10);
        for _ in 0..amounts.repeats / 10 {
            let begun = Instant::now();
            let mut stream = scanner.stream();
            let text = black_box(&text).as_bytes();
            for end in (PIECE_BYTES..text.len()).step_by(PIECE_BYTES) {
                stream.feed(text.get(..end).unwrap_or(text));
            }
            ensure!(stream.finish(text).is_none(), "the page holds the token");
            times.push(begun.elapsed());
        }
        let gb_per_s = text.len() as f64 / (Times::of(times).p50_us * 1e3);
        figures.push(Figure::new(id, what, gb_per_s, "GB/s").target(Target::Least(1.0)));
    }
    let mut times = Vec::with_capacity(amounts.repeats / 10);
    for _ in 0..amounts.repeats / 10 {
        let begun = Instant::now();
        for _ in 0..BUILDS {
            ensure!(black_box(Scanner::new(black_box(DEMO_OAUTH_TOKEN.as_bytes()))).is_some(), "no scanner");
        }
        times.push(begun.elapsed());
    }
    let build = Times::of(times).p50_us / BUILDS as f64;
    figures.push(
        Figure::new("scanner_build_us", "making a scanner, for each call", build, "µs").target(Target::Most(5.0)),
    );
    Ok(figures)
}

/// Letters and digits without a pattern (xorshift, so that every run has the same).
fn noise(length: usize) -> String {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let characters: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain("+/".chars()).collect();
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        characters.get((state % 64) as usize).copied().unwrap_or('A')
    };
    (0..length).map(|_| next()).collect()
}

/// The gate's part of a request: both ways in turn, over one pool, and the difference of their medians.
async fn overhead(page: &str, stage: &Stage, amounts: &Amounts) -> anyhow::Result<Figure> {
    let end = (ANSWER_BYTES..page.len()).find(|at| page.is_char_boundary(*at)).context("the page is long enough")?;
    let answer = page.get(..end).context("the page is long enough")?.to_owned();
    let length = answer.len();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let answers = get(move || {
        let answer = answer.clone();
        async move { ([(CONTENT_TYPE, "application/json")], answer) }
    });
    let server = tokio::spawn(async move { axum::serve(listener, Router::new().route("/things", answers)).await });
    let principal = principal()?;
    let vault = Vault::open(&stage.directory().join("gate"), KeySource::Bytes(Zeroizing::new([7; 32])))?;
    let key = ConnectionKey::new(principal.tenant, principal.user, "measured");
    vault.connect(NewConnection {
        key: key.clone(),
        secret: SecretString::from(DEMO_OAUTH_TOKEN),
        kind: CredentialKind::OAuth2,
        granted_scopes: None,
        base: None,
        account: None,
    })?;
    let ways = TwoWays::new(&base, Arc::new(vault), &key).map_err(|error| anyhow!("{error}"))?;
    let (rounds, calls) = (amounts.rounds, amounts.calls_per_round);
    let differences = tokio::spawn(async move {
        let mut differences = Vec::with_capacity(rounds);
        // The first round warms connections and caches up.
        for round in 0..=rounds {
            let (mut through, mut beside) = (Vec::with_capacity(calls), Vec::with_capacity(calls));
            for _ in 0..calls {
                let begun = Instant::now();
                let bare = ways.beside_the_gate().await.map_err(|error| anyhow!("{error}"))?;
                let between = Instant::now();
                let gated = ways.through_the_gate().await.map_err(|error| anyhow!("{error}"))?;
                through.push(between.elapsed());
                beside.push(between - begun);
                ensure!(gated == bare && bare.len() == length, "the two ways gave different answers");
            }
            let p50 = |times: Vec<Duration>| Times::of(times).p50_us;
            if round > 0 {
                differences.push(p50(through) - p50(beside));
            }
        }
        Ok(differences)
    })
    .await??;
    server.abort();
    Ok(Figure::new(
        "gate_overhead_us",
        "the gate's part of a request with an answer of 60 KB",
        median(differences),
        "µs",
    )
    .target(Target::Most(30.0)))
}
