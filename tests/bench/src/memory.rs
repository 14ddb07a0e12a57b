//! Memory of the server: idle, and with many calls held in flight by a slow upstream.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;

use crate::figures::Figure;
use crate::load::IN_FLIGHT;
use crate::native;
use crate::stage::Stage;

/// How late the upstream answers, in milliseconds: long enough for all calls to be waiting when we look.
const DELAY_MS: u64 = 3_000;
/// When we look, in milliseconds after the calls began.
const LOOK_MS: u64 = 1_500;
const MIB: f64 = 1024.0 * 1024.0;

/// Measures a server of its own.
pub(crate) async fn measure(stage: &Stage) -> anyhow::Result<Vec<Figure>> {
    let (server, client) = stage.installation("memory-of-server").await?.serve().await?;
    client.list().await?;
    let idle = server.resident_bytes()?;

    let faults = format!("{}/_simulator/faults", stage.simulator().url);
    let fault = json!({ "method": "GET", "path_prefix": "/incidents", "times": IN_FLIGHT, "kind": "delay", "delay_ms": DELAY_MS });
    let control = native::client()?;
    let told = control.post(&faults).body(fault.to_string()).send().await?;
    ensure!(told.status().is_success(), "the simulator takes no faults: {}", told.status());
    let calls: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call().await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    let held = server.resident_bytes()?;
    for call in calls {
        call.await??;
    }
    let after = server.resident_bytes()?;
    // The second time, code and buffers are there already: what is left is the calls' own.
    control.post(&faults).body(fault.to_string()).send().await?;
    let calls: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call().await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    let again = server.resident_bytes()?;
    for call in calls {
        call.await??;
    }
    server.stop().await?;
    let each = (held - idle) / IN_FLIGHT as f64;
    Ok(vec![
        Figure::new("memory_idle_mib", "memory of the server, idle after the first tools/list", idle / MIB, "MiB"),
        Figure::new("memory_call_mib", "… for each of 32 calls in flight", each / MIB, "MiB"),
        Figure::new("memory_after_mib", "… after those calls (slots stay resident)", after / MIB, "MiB"),
        Figure::new("memory_again_mib", "… with 32 calls in flight again", again / MIB, "MiB"),
    ])
}
