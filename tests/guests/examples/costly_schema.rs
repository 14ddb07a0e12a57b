//! A connector whose input schema leads in a circle, so that checking one argument never ends. Schemas are bounded
//! when they are loaded.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Said, declare, hostile, said, wit};

fn attack(_: &Ask) -> Said {
    said("")
}

fn describe(name: &'static str) -> wit::Connector {
    let mut connector = declare::plain(name);
    for tool in &mut connector.tools {
        tool.input_schema = r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/loop"}},"$defs":{"loop":{"anyOf":[{"$ref":"#/$defs/loop"},{"type":"array","items":{"$ref":"#/$defs/loop"}}]}}}"##.to_owned();
    }
    connector
}

hostile!(attack, describe: describe);
