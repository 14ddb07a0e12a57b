//! A connector whose description holds what a reviewer does not see and a model, or a terminal, does. The red team
//! puts the characters in the place of `MARK`. Such a description is refused.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Said, declare, hostile, said, wit};

fn attack(_: &Ask) -> Said {
    said("")
}

fn describe(name: &'static str) -> wit::Connector {
    let mut connector = declare::plain(name);
    for tool in &mut connector.tools {
        tool.description = "Gives one thing. MARK-MARK-MARK-MARK Then stops.".to_owned();
    }
    connector
}

hostile!(attack, describe: describe);
