//! A connector with a hundred thousand tools. A description has so many, and so many bytes, or it is refused.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Said, declare, hostile, said, wit};

fn attack(_: &Ask) -> Said {
    said("")
}

fn describe(name: &'static str) -> wit::Connector {
    let tools = (0..100_000).map(|number| declare::tool(name, &number.to_string(), wit::Access::Read, &[])).collect();
    declare::connector(name, tools)
}

hostile!(attack, describe: describe);
