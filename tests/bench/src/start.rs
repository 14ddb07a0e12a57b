//! From starting the program to the first list of tools in the client's hands.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use crate::Amounts;
use crate::figures::{Figure, Target};
use crate::library::{TENANT, TOOL, USER};
use crate::mcp::{Installation, request};
use crate::stage::Stage;
use crate::statistics::Times;

/// Measures starts over HTTP and over standard input and output, and one that has to compile.
pub(crate) async fn measure(stage: &Stage, amounts: &Amounts) -> anyhow::Result<Vec<Figure>> {
    let installation = stage.installation("start").await?;
    let (mut http, mut stdio) = (Vec::new(), Vec::new());
    over_http(&installation).await?;
    for _ in 0..amounts.starts {
        http.push(over_http(&installation).await?);
        stdio.push(over_stdio(&installation).await?);
    }
    installation.forget_compiled()?;
    let cold = over_http(&installation).await?;
    let p50_ms = |times| Times::of(times).p50_us / 1e3;
    Ok(vec![
        Figure::new(
            "start_http_ms",
            "start of `toolkeep serve` to the first tools/list, warm cache",
            p50_ms(http),
            "ms",
        )
        .target(Target::Most(100.0)),
        Figure::new("start_stdio_ms", "… of `toolkeep mcp`, warm cache", p50_ms(stdio), "ms")
            .target(Target::Most(100.0)),
        Figure::new("start_cold_ms", "… of `toolkeep serve`, compiling the connector", cold.as_secs_f64() * 1e3, "ms"),
    ])
}

async fn over_http(installation: &Installation) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let (server, client) = installation.serve().await?;
    let list = client.list().await?;
    let took = begun.elapsed();
    ensure!(list.contains(TOOL), "the list lacks {TOOL}");
    server.stop().await?;
    Ok(took)
}

async fn over_stdio(installation: &Installation) -> anyhow::Result<Duration> {
    let line = format!("{}\n", request("tools/list", json!({})));
    let mut command = installation.command(&["mcp", "--tenant", TENANT, "--user", USER]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let mut input = child.stdin.take().context("the program has no standard input")?;
    let output = child.stdout.take().context("the program has no standard output")?;
    input.write_all(line.as_bytes()).await?;
    let list = BufReader::new(output).lines().next_line().await?.context("the program ended without an answer")?;
    let took = begun.elapsed();
    ensure!(list.contains(TOOL), "the answer lacks {TOOL}: {list}");
    drop(input);
    child.wait().await?;
    Ok(took)
}
