//! What is said about a command line that does not parse. Clap repeats what was typed; near credentials and
//! keys that may be a secret, and standard error is kept by terminals, CI logs and agents.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::Cli;
use crate::failure::Exit;

/// Commands whose arguments are not repeated.
const NEAR_SECRETS: [&str; 2] = ["credential", "key"];
/// What stands where the typed text stood.
const NOT_SHOWN: &str = "…";
/// Longest option that is repeated, in bytes; ours are shorter, most secrets are longer.
const MAX_OPTION_BYTES: usize = 24;

/// Tells standard error (or, for `--help`, standard output) and gives the exit code. `given`: all arguments, the
/// program's own name first.
pub(crate) fn report(error: clap::Error, given: impl Iterator<Item = OsString>) -> ExitCode {
    let error = tidied(error, given);
    // Nobody to tell leaves the exit code as the only messenger.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}

fn tidied(mut error: clap::Error, given: impl Iterator<Item = OsString>) -> clap::Error {
    let mut command = Cli::command();
    command.build();
    let mut near_secrets = false;
    for word in given.skip(1) {
        let Some(inner) = word.to_str().and_then(|word| command.find_subcommand(word)) else { continue };
        near_secrets |= NEAR_SECRETS.contains(&inner.get_name());
        command = inner.clone();
    }
    if error.get(ContextKind::Usage).is_some() {
        // Clap's own line lists whatever was given, also by environment variables, as if it were required.
        error.insert(ContextKind::Usage, ContextValue::StyledStr(command.render_usage()));
    }
    if near_secrets {
        hide(&mut error);
    }
    error
}

/// Takes out what was typed, unless it can only be a mistyped option.
fn hide(error: &mut clap::Error) {
    let typed = match error.kind() {
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        ErrorKind::InvalidSubcommand => ContextKind::InvalidSubcommand,
        _ => ContextKind::InvalidValue,
    };
    let Some(ContextValue::String(text)) = error.get(typed) else { return };
    if text.is_empty() || is_option(text) {
        return;
    }
    error.insert(typed, ContextValue::String(NOT_SHOWN.to_owned()));
    let tip = "a secret is never an argument: it is typed at a prompt or piped in. One that was typed here is in \
               the shell's history";
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
}

fn is_option(text: &str) -> bool {
    text.len() <= MAX_OPTION_BYTES
        && text.strip_prefix("--").is_some_and(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;
    use clap::Parser;

    fn said(words: &[&str]) -> String {
        let given = || ["toolkeep"].iter().chain(words).copied();
        let error = Cli::try_parse_from(given()).unwrap_err();
        tidied(error, given().map(OsString::from)).render().to_string()
    }

    #[test]
    fn a_secret_that_was_typed_is_not_repeated() {
        let identity = ["--tenant", "acme", "--user", "kim"];
        for words in [
            &["credential", "add", "pagerduty", "u_SeCrEt"][..],
            &["credential", "u_SeCrEt"],
            &["credential", "add", "pagerduty", "--kind", "u_SeCrEt"],
            &["credential", "add", "pagerduty", "--u_SeCrEt"],
            &["credential", "remove", "pagerduty", "u_SeCrEt"],
            &["key", "revoke", "0123456789abcdef", "u_SeCrEt"],
            &["key", "u_SeCrEt"],
        ] {
            let text = said(&[words, &identity].concat());
            assert!(!text.contains("SeCrEt"), "{text}");
            assert!(text.contains("never an argument"), "{text}");
        }
    }

    #[test]
    fn a_mistyped_option_is_repeated() {
        assert!(said(&["credential", "list", "--tenent", "acme"]).contains("--tenent"));
        assert!(said(&["serve", "--lisen", "x"]).contains("--lisen"));
    }

    #[test]
    fn the_usage_names_only_what_is_required() {
        let text = said(&["credential", "list", "--data", "/x", "--nonsense"]);
        assert!(text.contains("toolkeep credential list [OPTIONS] --tenant <NAME> --user <NAME>"), "{text}");
    }
}
