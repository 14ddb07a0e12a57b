//! Names of two connectors side by side: a tool belongs to one of them, and nobody's name passes for another's.

use crate::component::Connector;
use crate::error::HostError;
use crate::sheet::CapabilitySheet;

/// What a connector calls itself and its parts.
pub(crate) struct Names {
    connector: String,
    tools: Vec<String>,
    prompts: Vec<String>,
}

impl Names {
    pub(crate) fn of(connector: &Connector) -> Self {
        let about = &connector.description;
        Self::new(
            &about.name,
            about.tools.iter().map(|tool| tool.name.as_str()),
            about.prompts.iter().map(|prompt| prompt.name.as_str()),
        )
    }

    pub(crate) fn of_sheet(sheet: &CapabilitySheet) -> Self {
        Self::new(
            &sheet.name,
            sheet.tools.iter().map(|tool| tool.name.as_str()),
            sheet.prompts.iter().map(|prompt| prompt.name.as_str()),
        )
    }

    fn new<'a>(connector: &str, tools: impl Iterator<Item = &'a str>, prompts: impl Iterator<Item = &'a str>) -> Self {
        let prefix = format!("{connector}_");
        // Callers see every prompt with its connector's name in front.
        let shown =
            |prompt: &str| if prompt.starts_with(&prefix) { prompt.to_owned() } else { format!("{prefix}{prompt}") };
        Self {
            connector: connector.to_owned(),
            tools: tools.map(ToOwned::to_owned).collect(),
            prompts: prompts.map(shown).collect(),
        }
    }
}

/// Refuses `new` beside `others`.
///
/// # Errors
/// [`HostError::ToolTaken`] where one of its tools or prompts is another's, [`HostError::LooksLike`] where a
/// reader could take one for another's.
pub(crate) fn check(new: &Names, others: impl Iterator<Item = Names>) -> Result<(), HostError> {
    for other in others {
        if skeleton(&new.connector) == skeleton(&other.connector) {
            return Err(HostError::LooksLike { name: new.connector.clone(), other: other.connector });
        }
        // Connectors whose names are prefixes of one another could both declare a tool or a prompt.
        for (mine, theirs) in [(&new.tools, &other.tools), (&new.prompts, &other.prompts)] {
            for name in mine {
                if theirs.contains(name) {
                    return Err(HostError::ToolTaken {
                        tool: name.clone(),
                        name: new.connector.clone(),
                        other: other.connector,
                    });
                }
                if let Some(theirs) = theirs.iter().find(|theirs| skeleton(theirs) == skeleton(name)) {
                    return Err(HostError::LooksLike { name: name.clone(), other: theirs.clone() });
                }
            }
        }
    }
    Ok(())
}

/// A name without what a reader overlooks: `0` and `o`, `1`, `i` and `l`, `5` and `s`, `rn` and `m`, `vv` and `w`,
/// underscores. Names have only lower-case ASCII, so that there is nothing else to confuse. Two names with one
/// skeleton look alike.
pub(crate) fn skeleton(name: &str) -> String {
    let plain: String = name
        .chars()
        .filter(|c| *c != '_')
        .map(|c| match c {
            '0' => 'o',
            '1' | 'i' => 'l',
            '5' => 's',
            other => other,
        })
        .collect();
    plain.replace("rn", "m").replace("vv", "w")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    fn names(connector: &str, tools: &[&str], prompts: &[&str]) -> Names {
        Names::new(connector, tools.iter().copied(), prompts.iter().copied())
    }

    fn code(new: &Names, other: Names) -> &'static str {
        check(new, std::iter::once(other)).map_or_else(|error| error.code(), |()| "ok")
    }

    #[test]
    fn connectors_that_share_a_prefix_cannot_share_a_tool_or_a_prompt() {
        let page = || names("page", &["page_duty_list"], &["duty_open"]);
        assert_eq!(code(&names("page_duty", &["page_duty_list"], &[]), page()), "tool_name_taken");
        assert_eq!(code(&names("page_duty", &["page_duty_get"], &["open"]), page()), "tool_name_taken");
        assert_eq!(code(&names("page_duty", &["page_duty_get"], &["close"]), page()), "ok");
    }

    #[test]
    fn names_that_look_alike_are_not_told_apart_by_readers() {
        let known = || names("pagerduty", &["pagerduty_list"], &[]);
        for imposter in ["pager_duty", "pagerduty_", "page_rduty"] {
            assert_eq!(code(&names(imposter, &[], &[]), known()), "name_looks_alike", "{imposter}");
        }
        assert_eq!(code(&names("modern", &[], &[]), names("modem", &[], &[])), "name_looks_alike");
        assert_eq!(code(&names("jira", &["jira_list"], &[]), known()), "ok");
        let prefix = names("pagerduty_l", &["pagerduty_1ist"], &[]);
        assert_eq!(code(&prefix, known()), "name_looks_alike");
    }
}
