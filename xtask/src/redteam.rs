//! `cargo xtask redteam`: builds what attacks and what is attacked, and shows attack, defence and verdict of every
//! case in a table.

use std::process::{Command, ExitCode};

use crate::layout::{Layout, WORKSPACE};
use crate::{guests, step};

/// Runs the command; the exit code is the red team's: 1 where a defence did not hold.
///
/// # Errors
/// Something cannot be built or started.
pub(crate) fn run(layout: &Layout, args: &[String]) -> anyhow::Result<ExitCode> {
    guests::build(layout)?;
    let cargo = |command: &str| {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&layout.root).arg(command).args(WORKSPACE).args(["--test", "redteam"]);
        cargo
    };
    // The program is what some of the cases attack.
    let build = "build the red team and the program (about ten minutes the first time)";
    step::run(build, cargo("build").args(["--bin", "toolkeep"]))?;
    let mut attack = cargo("test");
    attack.args(["--quiet", "--"]).args(form(args)).args(args);
    step::hand_over("the red team", &mut attack)
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
}
