//! What a check found, as data.

use serde::Serialize;

/// The outcome of a check.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `pass` or `fail`.
    pub verdict: Verdict,
    /// The connector's name.
    pub connector: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component, in lower-case hexadecimal.
    pub digest: String,
    /// The seed that repeats the cases.
    pub seed: u64,
    /// Whether it was the short check.
    pub quick: bool,
    /// The one tool that was tried, where there was a choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_tool: Option<String>,
    /// Places where the canary, or a piece of it, was seen. Any of them fails the check.
    pub leaks: Vec<Finding>,
    /// What the connector does against the contract. Any of them fails the check.
    pub faults: Vec<Finding>,
    /// What a reviewer should look at.
    pub warnings: Vec<Finding>,
    /// Transformed echoes that were seen behind the host. An upstream that transforms a credential on purpose is
    /// beyond what any search can promise, so they fail no check; they are here because a reviewer should know.
    pub known_limits: Vec<Finding>,
    /// Tools, and `identify`, of which nothing was learned: they were not run, sent none of the requests that they
    /// declare, or never gave an answer. `warnings` has the reason for each.
    pub not_tried: Vec<String>,
    /// What was tried.
    pub coverage: Coverage,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// Whether a component may be trusted as far as a check can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No leak and no fault.
    Pass,
    /// At least one.
    Fail,
}

/// One thing that was found. The same thing in many cases is one finding with a count.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// A stable code.
    pub code: &'static str,
    /// What is wrong, in a sentence.
    pub what: String,
    /// Where the canary was seen: `answer`, `guest memory`, `log` and others; empty for what is no leak.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub place: &'static str,
    /// The first case that showed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<Case>,
    /// In how many cases it was seen.
    pub times: u64,
}

/// One run of a tool, told so that it can be repeated.
#[derive(Debug, Clone, Serialize)]
pub struct Case {
    /// Its place in the list that the seed gives, from 1.
    pub number: usize,
    /// The tool, or `identify`.
    pub tool: String,
    /// The upstream's behaviour, as `hostile-upstream --list` names it.
    pub upstream: String,
    /// What the behaviour does.
    pub upstream_does: String,
    /// The arguments as JSON text; a long one is cut.
    pub arguments: String,
    /// Why these arguments were made.
    pub arguments_why: String,
}

/// What was tried.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Coverage {
    /// Calls that were made, `identify` among them.
    pub cases: usize,
    /// Behaviours of the upstream that were met by at least one request.
    pub behaviours: usize,
    /// Behaviours that there are.
    pub behaviours_known: usize,
    /// Requests that reached the upstream.
    pub requests: usize,
    /// Memories of guests that were looked through.
    pub memories: usize,
    /// Their size together, in bytes.
    pub memory_bytes: u64,
    /// Each tool, as declared.
    pub tools: Vec<ToolCoverage>,
}

/// What was tried of one tool.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ToolCoverage {
    /// Its name.
    pub tool: String,
    /// How often it was called.
    pub calls: usize,
    /// How often it gave an answer.
    pub answers: usize,
    /// How often it reported an error of its own.
    pub tool_errors: usize,
    /// Requests that it sent.
    pub requests: usize,
    /// Sets of arguments that were made for it.
    pub argument_sets: usize,
    /// Of those that its schema allows, how many it refused as invalid.
    pub refused_by_tool: usize,
}

/// Most findings of one list that are kept; what comes after them is only counted in those that are alike.
const MAX_FINDINGS: usize = 200;

/// Collects findings.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<(String, Finding)>);

impl Findings {
    /// Adds a finding. `key` says which others are the same.
    pub(crate) fn add(&mut self, key: String, finding: Finding) {
        if let Some((_, known)) = self.0.iter_mut().find(|(known, _)| *known == key) {
            known.times += 1;
        } else if self.0.len() < MAX_FINDINGS {
            self.0.push((key, finding));
        }
    }

    pub(crate) fn into_list(self) -> Vec<Finding> {
        self.0.into_iter().map(|(_, finding)| finding).collect()
    }
}

impl Finding {
    pub(crate) fn new(code: &'static str, what: impl Into<String>) -> Self {
        Self { code, what: what.into(), place: "", case: None, times: 1 }
    }

    pub(crate) fn at(mut self, place: &'static str) -> Self {
        self.place = place;
        self
    }

    pub(crate) fn in_case(mut self, case: &Case) -> Self {
        self.case = Some(case.clone());
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn the_same_finding_is_counted_and_the_list_is_bounded() {
        let mut findings = Findings::default();
        for number in 0..1_000 {
            findings.add((number % 300).to_string(), Finding::new("trap", format!("number {number}")));
        }
        let list = findings.into_list();
        assert_eq!(list.len(), MAX_FINDINGS);
        assert_eq!((list[0].times, list[0].what.as_str()), (4, "number 0"));
    }
}
