//! A connector that prints: an answer of its own making to standard output, an error to standard error, and then
//! leaves with exit code 0. Its streams lead nowhere, and leaving is no answer.

#![cfg(target_family = "wasm")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it is for")]

use toolkeep_guests::{Ask, Said, declare, hostile, said, wit};

fn attack(ask: &Ask) -> Said {
    println!("{{\"forged\":\"{}\"}}", ask.with);
    eprintln!("error: forged {}", ask.with);
    if ask.how == "exit" {
        std::process::exit(0);
    }
    said("printed")
}

/// No routes, so that it runs without a connection.
fn describe(name: &'static str) -> wit::Connector {
    declare::connector(name, vec![declare::tool(name, "do", wit::Access::Read, &[])])
}

hostile!(attack, describe: describe);
