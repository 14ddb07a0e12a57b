//! Single figures with their targets, and those that follow from the calls.

use anyhow::ensure;
use serde::Serialize;

use crate::library::{Audit, TOOL};
use crate::load::{Calls, Way};
use crate::stage::Stage;
use crate::statistics::median;

/// Rows of the answer whose size is measured.
const ROWS: usize = 25;

/// What a figure should be.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// No more than this.
    Most(f64),
    /// No less than this.
    Least(f64),
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) target: Option<Target>,
    pub(crate) met: Option<bool>,
}

impl Figure {
    pub(crate) fn new(id: &'static str, what: &'static str, value: f64, unit: &'static str) -> Self {
        Self { id, what, value, unit, target: None, met: None }
    }

    /// Says what it should be.
    pub(crate) fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self.met = Some(match target {
            Target::Most(most) => self.value <= most,
            Target::Least(least) => self.value >= least,
        });
        self
    }
}

/// The figures that the calls were measured for. `syncs_us` has what a raw sync took in each round.
pub(crate) fn of_calls(calls: &[Calls], syncs_us: &[f64]) -> Vec<Figure> {
    let of = |way: Way| calls.iter().find(|calls| calls.way == way);
    let (Some(_), Some(memory), Some(durable), Some(mcp)) =
        (of(Way::Native), of(Way::Library), of(Way::LibraryDurable), of(Way::McpDurable))
    else {
        return Vec::new();
    };
    let added_us: Vec<f64> =
        durable.alone_rounds_us.iter().zip(&memory.alone_rounds_us).map(|(durable, memory)| durable - memory).collect();
    let added_syncs = added_us.iter().zip(syncs_us).map(|(added, sync)| added / sync).collect();
    vec![
        Figure::new("library_alone_ratio", "library ÷ native, one at a time", memory.alone_ratio, "×")
            .target(Target::Most(1.4)),
        Figure::new(
            "library_throughput_ratio",
            "library ÷ native, calls/s at 32 in flight",
            memory.throughput_ratio,
            "×",
        )
        .target(Target::Least(0.65)),
        Figure::new(
            "durable_throughput_ratio",
            "library with durable audit ÷ native, calls/s at 32 in flight",
            durable.throughput_ratio,
            "×",
        )
        .target(Target::Least(0.5)),
        Figure::new(
            "mcp_calls_per_s",
            "MCP over HTTP with durable audit, calls/s at 32 in flight",
            mcp.calls_per_s,
            "/s",
        )
        .target(Target::Least(2_000.0)),
        Figure::new("sync_between_calls_us", "one fdatasync between native calls", median(syncs_us.to_vec()), "µs"),
        Figure::new("durable_adds_us", "durable audit adds to a lone call", median(added_us), "µs"),
        Figure::new("durable_adds_fdatasyncs", "… as a number of those, round by round", median(added_syncs), "×")
            .target(Target::Most(2.5)),
    ]
}

/// Sizes of what an agent is sent: a model pays for every byte.
pub(crate) async fn sizes(stage: &Stage) -> anyhow::Result<Vec<Figure>> {
    let (server, client) = stage.installation("sizes").await?.serve().await?;
    let list = client.list().await?;
    server.stop().await?;
    ensure!(list.contains(TOOL), "the list lacks {TOOL}");
    let answer = stage.library("sizes-library", Audit::Memory).await?.call().await?;
    let rows = answer.matches("{\"number\":").count();
    ensure!(rows == ROWS, "the answer has {rows} rows instead of {ROWS}");
    Ok(vec![
        Figure::new("tools_list_bytes", "tools/list of the six tools", list.len() as f64, "bytes")
            .target(Target::Most(8_000.0)),
        Figure::new("incidents_25_bytes", "an answer of 25 incidents", answer.len() as f64, "bytes")
            .target(Target::Most(7_000.0)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_from_its_own_side() {
        let met = |value, target| Figure::new("id", "what", value, "×").target(target).met;
        assert_eq!(met(1.4, Target::Most(1.4)), Some(true));
        assert_eq!(met(1.41, Target::Most(1.4)), Some(false));
        assert_eq!(met(0.66, Target::Least(0.65)), Some(true));
        assert_eq!(met(0.64, Target::Least(0.65)), Some(false));
    }
}
