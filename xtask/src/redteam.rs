//! `cargo xtask redteam`: builds what attacks and what is attacked, and shows attack, defence and verdict of every
//! case in a table.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::Context;
use serde_json::Value;

use crate::layout::{Layout, WORKSPACE};
use crate::{guests, step};

/// Runs the command; the exit code is the red team's own: 0 where every defence held, 1 where one did not, 2 where
/// nothing could be said. `cargo test` would make 101 of all that is not 0, so the program is started without it.
///
/// # Errors
/// Something cannot be built or started.
pub(crate) fn run(layout: &Layout, args: &[String]) -> anyhow::Result<ExitCode> {
    guests::build(layout)?;
    let cargo = || {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&layout.root);
        cargo
    };
    // The program is what some of the cases attack.
    let mut build = cargo();
    build.arg("build").args(WORKSPACE).args(["--bin", "toolkeep", "--test", "redteam"]);
    step::run("build the red team and the program (about ten minutes the first time)", &mut build)?;
    let mut attack = Command::new(program(&mut cargo())?);
    attack.current_dir(layout.root.join("tests")).args(form(args)).args(args);
    step::hand_over("the red team", &mut attack)
}

/// Where the program of the red team is, as this cargo tells it; it builds what is not built yet.
///
/// # Errors
/// It cannot be built, or cargo does not say where it is.
pub(crate) fn program(cargo: &mut Command) -> anyhow::Result<PathBuf> {
    cargo.arg("build").args(WORKSPACE).args(["--bin", "toolkeep", "--test", "redteam", "--message-format", "json"]);
    let messages = step::output(cargo.stderr(Stdio::inherit()))?;
    executable(&messages).context("cargo does not say where the red team is")
}

/// The executable of the red team among cargo's messages.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message.pointer("/target/name").is_some_and(|name| name == "redteam"))
        .find_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
}

/// A table, unless the arguments ask for another form.
fn form(args: &[String]) -> Option<&'static str> {
    let others = ["--json", "--list", "--help", "-h", "--lines"];
    (!args.iter().any(|argument| others.contains(&argument.as_str()))).then_some("--table")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_what_people_get() {
        let form = |args: &[&str]| form(&args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>());
        assert_eq!(form(&[]), Some("--table"));
        assert_eq!(form(&["headers"]), Some("--table"));
        assert_eq!(form(&["headers", "--json"]), None);
        assert_eq!(form(&["--lines"]), None);
    }

    #[test]
    fn the_program_is_found_among_what_cargo_says() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"keep"},"executable":"/a/keep-1"}
{"reason":"compiler-artifact","target":{"name":"redteam"},"executable":"/a/redteam-1"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages), Some(PathBuf::from("/a/redteam-1")));
        assert_eq!(executable("not JSON"), None);
    }
}
