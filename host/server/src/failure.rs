//! Why a command failed, as a person and as a program reads it: a stable code, a text, the next command to
//! run, and the exit code.

use std::io::Write;
use std::process::ExitCode;

use serde_json::{Value, json};

/// What the process returns. The list is printed by `toolkeep --help`; scripts rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// The tool ran, or tried to, and failed.
    Failed = 1,
    /// The command line or a tool's arguments are wrong. Clap's own code for the same.
    Usage = 2,
    /// Not permitted: no credential, no key, a policy that says no.
    Denied = 3,
    /// May work later: time-outs, rate limits, an upstream that is down.
    Unavailable = 4,
    /// A mistake of this program (`EX_SOFTWARE` of sysexits).
    Internal = 70,
    /// The output could not be written (`EX_IOERR` of sysexits).
    Io = 74,
    /// It cannot start: data directory, vault, audit log or a connector (`EX_CONFIG` of sysexits).
    Setup = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// A failed command. Boxed, because it is the rare half of every result here.
#[derive(Debug)]
pub(crate) struct Failure(Box<Parts>);

#[derive(Debug)]
struct Parts {
    exit: Exit,
    code: String,
    message: String,
    next: Option<String>,
    details: Option<Value>,
}

impl Failure {
    /// A failure with a stable code.
    pub(crate) fn new(exit: Exit, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Box::new(Parts { exit, code: code.into(), message: message.into(), next: None, details: None }))
    }

    /// The command line is wrong in a way that clap cannot see.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// Something that should not happen.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(Exit::Internal, "internal", message)
    }

    /// Says what to run or do next.
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.0.next = Some(next.into());
        self
    }

    /// Adds the machine-readable part.
    pub(crate) fn details(mut self, details: Option<Value>) -> Self {
        self.0.details = details;
        self
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &str {
        &self.0.code
    }

    /// The exit code that this failure ends with.
    #[cfg(test)]
    pub(crate) fn exit(&self) -> Exit {
        self.0.exit
    }

    /// The text.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// Tells standard error, as one JSON line if `json`, and gives the exit code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        // Whoever reads our output has gone away; there is nobody to tell and nothing went wrong.
        if self.0.code == BROKEN_PIPE {
            return Exit::Done.into();
        }
        let mut out = anstream::stderr().lock();
        // Standard error being gone leaves the exit code as the only messenger.
        let _ = if json { writeln!(out, "{}", self.0.as_json()) } else { self.0.write(&mut out) };
        self.0.exit.into()
    }
}

impl Parts {
    fn as_json(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(object) = error.as_object_mut() {
            if let Some(details) = &self.details {
                object.insert("details".to_owned(), details.clone());
            }
            if let Some(next) = &self.next {
                object.insert("next".to_owned(), Value::String(next.clone()));
            }
        }
        json!({ "error": error })
    }

    fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        let (red, dim) = (crate::output::RED, crate::output::DIM);
        writeln!(out, "{red}error[{}]{red:#}: {}", self.code, self.message)?;
        if let Some(details) = &self.details {
            writeln!(out, "{dim}{details}{dim:#}")?;
        }
        if let Some(next) = &self.next {
            writeln!(out, "  next: {next}")?;
        }
        Ok(())
    }
}

/// The code of a failure to write because the reader closed its end.
const BROKEN_PIPE: &str = "broken_pipe";

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Done, BROKEN_PIPE, "the reader of the output closed it");
        }
        Self::new(Exit::Io, "io", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn a_failure_names_code_text_and_next_step() {
        let failure = Failure::new(Exit::Denied, "no_connection", "kim has no connection to pagerduty")
            .next("toolkeep credential add pagerduty");
        let mut text = Vec::new();
        failure.0.write(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("error[no_connection]"), "{text}");
        assert!(text.contains("next: toolkeep credential add pagerduty"), "{text}");
        assert_eq!(failure.0.as_json()["error"]["code"], "no_connection");
        assert_eq!(failure.0.as_json()["error"].get("details"), None);
        assert_eq!(failure.exit(), Exit::Denied);
    }
}
