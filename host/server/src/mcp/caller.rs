//! Who is calling, and through which door.

use std::collections::BTreeSet;

use toolkeep_policy::{Principal, ToolFilter};

/// Longest agent name that is kept, in bytes. `claude-code/2.1.0 (darwin; arm64)` has a third of that.
const MAX_AGENT_BYTES: usize = 128;

/// An authenticated caller. It travels with the HTTP request from the guard to the handler.
#[derive(Clone)]
pub(crate) struct Caller {
    /// The identity; its agent is filled in for each request.
    pub(crate) principal: Principal,
    /// The one connector that this door leads to (`/mcp/{connector}`); none: all of them.
    pub(crate) connector: Option<String>,
}

impl Caller {
    /// The identity as the host should see it: acting through `agent`, and, behind a connector's own door,
    /// seeing only that connector's `tools`. A tool of another connector is then as unknown as one that
    /// does not exist, in the host's own eyes and in its audit log.
    pub(crate) fn principal(&self, agent: Option<String>, tools: impl FnOnce(&str) -> BTreeSet<String>) -> Principal {
        let mut principal = self.principal.clone();
        principal.agent = agent;
        if let Some(connector) = &self.connector {
            let mut behind = tools(connector);
            if let ToolFilter::Only(allowed) = &principal.tools {
                behind.retain(|tool| allowed.contains(tool));
            }
            principal.tools = ToolFilter::Only(behind);
        }
        principal
    }
}

/// An agent's name as a record may hold it: told, not proven, so cut short and without anything invisible.
pub(crate) fn agent_name(told: &str) -> Option<String> {
    let mut name = String::new();
    for c in told.trim().chars().filter(|c| c.is_ascii_graphic() || *c == ' ' || (c.is_alphanumeric() && !c.is_ascii()))
    {
        if name.len() + c.len_utf8() > MAX_AGENT_BYTES {
            break;
        }
        name.push(c);
    }
    let name = name.trim_end();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    fn caller(connector: Option<&str>, tools: ToolFilter) -> Caller {
        let principal = Principal::new("acme".parse().unwrap(), "kim".parse().unwrap()).with_tools(tools);
        Caller { principal, connector: connector.map(str::to_owned) }
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_connectors_own_door_narrows_and_never_widens() {
        let behind = |_: &str| set(&["a_list", "a_get"]);
        assert_eq!(caller(None, ToolFilter::All).principal(None, behind).tools, ToolFilter::All);
        assert_eq!(
            caller(Some("a"), ToolFilter::All).principal(None, behind).tools,
            ToolFilter::Only(set(&["a_list", "a_get"]))
        );
        let filtered = caller(Some("a"), ToolFilter::Only(set(&["a_get", "b_get"])));
        assert_eq!(filtered.principal(None, behind).tools, ToolFilter::Only(set(&["a_get"])));
    }

    #[test]
    fn an_agents_name_is_short_and_visible() {
        assert_eq!(agent_name(" claude-code/2.1 \n").as_deref(), Some("claude-code/2.1"));
        assert_eq!(agent_name("a\u{1b}[31mb\u{202e}c").as_deref(), Some("a[31mbc"));
        assert_eq!(agent_name("\u{200b}\n"), None);
        assert_eq!(agent_name(&"é".repeat(500)).unwrap().len(), MAX_AGENT_BYTES);
    }
}
