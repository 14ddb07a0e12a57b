//! `toolkeep call`: one tool, once, as one user.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use toolkeep_host::{Answer, Call, CallError, Content, Host, Principal, ProgressSink};

use crate::cli::{self, Global};
use crate::failure::{Exit, Failure};
use crate::keep::{self, Keep};
use crate::{arguments, output};

/// Most bytes of arguments that are read from a file. The host takes a quarter of it; this only keeps a
/// wrong file from filling memory before the host can say so.
const MAX_ARGUMENT_BYTES: u64 = 1 << 20;
/// A call that takes longer than this is worth a word on standard error, in milliseconds.
const PATIENCE_MS: u64 = 2_000;

/// Runs the command.
///
/// # Errors
/// What the call says, with the exit code for it.
pub(crate) async fn run(global: &Global, options: cli::Call) -> Result<(), Failure> {
    let principal = keep::principal(&options.identity, &[])?;
    let host = Keep::open(global)?.host(global, None).await?;
    let given = match &options.json {
        Some(file) => read_arguments(file)?,
        None => Value::Object(match host.tools(&principal, None).iter().find(|tool| tool.name == options.tool) {
            Some(tool) => arguments::parse(&options.pairs, &tool.input_schema)?,
            // The host refuses the name, and records that somebody asked for it.
            None => serde_json::Map::new(),
        }),
    };
    let mut call = Call::new(options.tool, given).map_err(|error| failure(&error, &principal))?;
    call.connection = options.connection;
    call.progress = Some(Arc::new(ToStandardError));
    let answer = patiently(&host, &principal, call).await.map_err(|error| failure(&error, &principal))?;
    print(answer)
}

/// Waits for the call, and says so when it takes long.
async fn patiently(host: &Host, principal: &Principal, call: Call) -> Result<Answer, CallError> {
    let started = Instant::now();
    let name = call.tool.clone();
    let mut running = std::pin::pin!(host.call(principal, call));
    loop {
        match tokio::time::timeout(Duration::from_millis(PATIENCE_MS), running.as_mut()).await {
            Ok(outcome) => return outcome,
            Err(_) => output::progress(format!("{name}: still running after {} s", started.elapsed().as_secs())),
        }
    }
}

struct ToStandardError;

impl ProgressSink for ToStandardError {
    fn report(&self, done: u32, total: Option<u32>, message: &str) {
        let total = total.map_or_else(String::new, |total| format!("/{total}"));
        output::progress(format!("{done}{total} {}", output::printable(message)));
    }
}

fn read_arguments(file: &Path) -> Result<Value, Failure> {
    let name = file.display();
    let unreadable = |error: std::io::Error| Failure::usage(format!("cannot read the arguments from {name}: {error}"));
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(MAX_ARGUMENT_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    } else {
        let opened = std::fs::File::open(file).map_err(unreadable)?;
        opened.take(MAX_ARGUMENT_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    }
    if text.len() as u64 > MAX_ARGUMENT_BYTES {
        return Err(Failure::usage(format!("the arguments in {name} are longer than {MAX_ARGUMENT_BYTES} bytes")));
    }
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("the arguments in {name} are not JSON: {error}"))
            .next("give one JSON object, e.g. {\"limit\": 5}")
    })
}

/// The structured answer alone where there is one and nothing else; otherwise all the parts.
fn print(answer: Answer) -> Result<(), Failure> {
    let Answer { structured, content, .. } = answer;
    let parts: Vec<Value> = content.into_iter().map(describe).collect();
    match structured {
        Some(structured) if parts.is_empty() => output::json_for_reader(&structured),
        Some(structured) => output::json_for_reader(&json!({ "structured": structured, "content": parts })),
        None => output::json_for_reader(&json!({ "content": parts })),
    }
}

fn describe(content: Content) -> Value {
    match content {
        Content::Text(text) => json!({ "type": "text", "text": text }),
        Content::Image { mime_type, data } => {
            json!({ "type": "image", "mime_type": mime_type, "base64": BASE64_STANDARD.encode(data) })
        }
        Content::Audio { mime_type, data } => {
            json!({ "type": "audio", "mime_type": mime_type, "base64": BASE64_STANDARD.encode(data) })
        }
        Content::Attachment { uri, mime_type, data } => json!({
            "type": "attachment", "uri": uri, "mime_type": mime_type, "base64": BASE64_STANDARD.encode(data)
        }),
    }
}

/// A failed call with its exit code and the next command to run.
pub(crate) fn failure(error: &CallError, principal: &Principal) -> Failure {
    let (tenant, user) = (&principal.tenant, &principal.user);
    // Whoever runs this program is its operator, and may read what callers may not.
    let message = match error {
        CallError::ConnectionMismatch(_)
        | CallError::EgressDenied { .. }
        | CallError::Trap { .. }
        | CallError::AnswerInvalid { .. }
        | CallError::Vault(_)
        | CallError::Audit(_) => error.to_string(),
        _ => error.public_message(),
    };
    // The message of a schema's violations names them all.
    let details = if matches!(error, CallError::Tool { .. }) { error.details() } else { None };
    let failure = Failure::new(exit(error), error.code(), output::printable(&message)).details(details);
    match error {
        CallError::UnknownTool(_) => failure.next("toolkeep tools"),
        CallError::UnknownConnector(_) => failure.next("toolkeep connector list"),
        CallError::NoConnection { connector, .. } => {
            failure.next(format!("toolkeep credential add {connector} --tenant {tenant} --user {user}"))
        }
        CallError::ScopeMissing { .. } | CallError::ConnectionMismatch(_) | CallError::ConnectionEnded { .. } => {
            failure.next(format!("toolkeep credential list --tenant {tenant} --user {user}"))
        }
        CallError::EgressDenied { .. } | CallError::CredentialReflected { .. } | CallError::Trap { .. } => {
            failure.next("toolkeep audit list --limit 5")
        }
        CallError::Vault(_) | CallError::Audit(_) => {
            failure.next("toolkeep --log debug …, and look at the data directory")
        }
        _ => failure,
    }
}

fn exit(error: &CallError) -> Exit {
    match error {
        CallError::UnknownTool(_)
        | CallError::UnknownConnector(_)
        | CallError::InvalidArguments { .. }
        | CallError::ArgumentsTooLarge { .. } => Exit::Usage,
        CallError::NoConnection { .. }
        | CallError::ScopeMissing { .. }
        | CallError::ConnectionMismatch(_)
        | CallError::ConnectionEnded { code: "connection_ended", .. }
        | CallError::EgressDenied { .. } => Exit::Denied,
        CallError::Busy { .. }
        | CallError::ConnectionEnded { .. }
        | CallError::RateLimited { .. }
        | CallError::LimitReached { .. }
        | CallError::Vault(_)
        | CallError::Audit(_) => Exit::Unavailable,
        CallError::Tool { error, .. } => match error.code() {
            "invalid_arguments" => Exit::Usage,
            "unauthenticated" | "forbidden" => Exit::Denied,
            "rate_limited" | "unavailable" => Exit::Unavailable,
            _ => Exit::Failed,
        },
        _ => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;
    use toolkeep_host::ToolError;

    #[test]
    fn each_kind_of_failure_has_its_exit_code() {
        let tool = |error| CallError::Tool { tool: "t".to_owned(), error };
        for (error, wanted) in [
            (CallError::UnknownTool("t".to_owned()), Exit::Usage),
            (CallError::ArgumentsTooLarge { bytes: 2, limit: 1 }, Exit::Usage),
            (CallError::ScopeMissing { missing: vec!["a".to_owned()] }, Exit::Denied),
            (CallError::Busy { limit: 1, waited_ms: 1 }, Exit::Unavailable),
            (CallError::RateLimited { retry_after_s: 1 }, Exit::Unavailable),
            (tool(ToolError::Forbidden("no".to_owned())), Exit::Denied),
            (tool(ToolError::RateLimited { retry_after_s: Some(3) }), Exit::Unavailable),
            (tool(ToolError::NotFound("no".to_owned())), Exit::Failed),
        ] {
            assert_eq!(exit(&error), wanted, "{error}");
        }
    }

    #[test]
    fn arguments_from_a_file_are_json_and_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        assert_eq!(read_arguments(&write("good", "{\"limit\":5}")).unwrap(), json!({ "limit": 5 }));
        assert!(read_arguments(&write("bad", "{")).unwrap_err().message().contains("not JSON"));
        let long = format!("\"{}\"", "x".repeat(1 << 20));
        assert!(read_arguments(&write("long", &long)).unwrap_err().message().contains("longer"));
        assert!(read_arguments(&directory.path().join("none")).is_err());
    }
}
