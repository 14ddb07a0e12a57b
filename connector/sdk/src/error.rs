//! What a failed request means to a model: which kind of error, and a text that says what to do.
//!
//! | answer | error |
//! | --- | --- |
//! | 400, 405, 406, 413, 414, 415, 422 | `invalid-arguments` |
//! | 401 | `unauthenticated` |
//! | 402, 403, 451 | `forbidden` |
//! | 404, 410 | `not-found` |
//! | 409, 412, 423 | `conflict` |
//! | 429 | `rate-limited`, with the seconds of `retry-after` or `ratelimit-reset` |
//! | 408, 425, 5xx, nobody there, cut off | `unavailable` |
//! | anything else | `other` |
//!
//! Words of the upstream are quoted, cut and freed of control characters: they are data, and a reader
//! must be able to tell them from ours.

use crate::context::SendError;
use crate::request::Method;
use crate::{Connector, Response, ToolError};

/// Longest piece of the upstream's own words in an error, in characters: enough for its reason, too
/// little to carry a page of somebody's instructions.
pub const QUOTE_MAX_CHARS: usize = 200;

/// What a connector's `errors` function made of an error answer.
#[derive(Debug)]
pub enum Upstream {
    /// The upstream's words; the status decides what kind of error it is.
    Says(String),
    /// The connector knows better than the status.
    Means(ToolError),
    /// Nothing worth reading.
    Silent,
}

/// The upstream's words as a quotation: control characters out, cut at [`QUOTE_MAX_CHARS`].
pub fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for (count, character) in text.trim().chars().enumerate() {
        if count == QUOTE_MAX_CHARS {
            quoted.push('…');
            break;
        }
        quoted.push(match character {
            '"' => '\'',
            control if control.is_control() => ' ',
            other => other,
        });
    }
    quoted.push('"');
    quoted
}

/// For upstreams whose errors have no form worth reading.
pub fn upstream_text(_: &Response) -> Upstream {
    Upstream::Silent
}

/// The error that an unsuccessful answer means.
pub(crate) fn explain(connector: &Connector, response: &Response) -> ToolError {
    let title = connector.title;
    let says = match (connector.errors)(response) {
        Upstream::Means(error) => return error,
        Upstream::Says(text) if !text.trim().is_empty() => format!(": {}", quote(&text)),
        Upstream::Says(_) | Upstream::Silent => String::new(),
    };
    let status = response.status();
    let request = format!("{} {}", response.method.name(), response.path);
    match status {
        400 | 405 | 406 | 413 | 414 | 415 | 422 => ToolError::InvalidArguments(format!(
            "{title} did not accept the request ({status} to {request}){says}. Change the arguments and try again."
        )),
        401 => ToolError::Unauthenticated(format!(
            "{title} does not accept the credential (401 to {request}){says}. Connect {title} again."
        )),
        402 => {
            ToolError::Forbidden(format!("The {title} account's plan does not include this (402 to {request}){says}."))
        }
        403 | 451 => ToolError::Forbidden(format!(
            "{title} refuses this user the action ({status} to {request}){says}. Ask an administrator of {title} for the permission."
        )),
        404 | 410 => ToolError::NotFound(format!("{title} has nothing there ({status} to {request}){says}.")),
        409 | 412 | 423 => ToolError::Conflict(format!(
            "{title} says that this does not fit the present state ({status} to {request}){says}."
        )),
        429 => ToolError::RateLimited(wait_s(response)),
        408 | 425 | 500..=599 => {
            let doubt = if response.method.writes() { DOUBT } else { " Try again later." };
            ToolError::Unavailable(format!("{title} failed ({status} to {request}){says}.{doubt}"))
        }
        300..=399 => ToolError::Other(format!("{title} redirected {request} ({status}); redirects are not followed.")),
        _ => ToolError::Other(format!("{title} answered {status} to {request}{says}.")),
    }
}

/// A fault of the connector: its types decide whether they can be written.
impl From<crate::json::Unwritable> for ToolError {
    fn from(error: crate::json::Unwritable) -> Self {
        Self::Other(format!("The tool's answer cannot be written as JSON: {error}."))
    }
}

/// Said after a write whose outcome nobody knows: the one case where "try again" would be wrong.
const DOUBT: &str = " It is not known whether the change was made: look before repeating it.";

/// The error that a request without an answer means.
pub(crate) fn unsent(connector: &Connector, method: Method, path: &str, error: &SendError) -> ToolError {
    let title = connector.title;
    let request = format!("{} {path}", method.name());
    match error {
        SendError::Denied => {
            ToolError::Forbidden(format!("The host refused {request}: this tool may not make that request."))
        }
        SendError::Unreachable(why) => {
            ToolError::Unavailable(format!("{title} could not be reached for {request} ({why}). Try again later."))
        }
        SendError::Interrupted(why) => {
            let doubt = if method.writes() { DOUBT } else { " Try again later." };
            ToolError::Unavailable(format!("{title} gave no whole answer to {request} ({why}).{doubt}"))
        }
        SendError::TooLarge => {
            let doubt = if method.writes() { DOUBT } else { " Ask for less." };
            ToolError::Other(format!("{title}'s answer to {request} is too large to read.{doubt}"))
        }
        SendError::Malformed(why) => {
            ToolError::Other(format!("{request} cannot be sent ({why}): a fault of the connector."))
        }
    }
}

/// Seconds to wait, from whichever header is there. A `retry-after` that is a date is left alone: the
/// clocks need not agree.
fn wait_s(response: &Response) -> Option<u32> {
    ["retry-after", "ratelimit-reset"].iter().find_map(|name| response.header(name)?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotations_are_bounded_and_cannot_close_themselves() {
        let quoted = quote(&format!("a\"b\n\u{1b}[31m{}", "x".repeat(1_000)));
        assert!(quoted.starts_with("\"a'b  [31m"));
        assert!(quoted.ends_with("…\""));
        assert_eq!(quoted.chars().count(), QUOTE_MAX_CHARS + 3);
    }
}
