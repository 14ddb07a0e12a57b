//! A connector whose answers break the contract: too large, too many, not JSON, not an object, nested a hundred
//! thousand deep, or an error text of a megabyte. Each is withheld or cut.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Blob, Content, Output, Said, ToolError, declare, hostile, structured, wit};

fn attack(ask: &Ask) -> Said {
    let parts = |content| Ok(Output { structured: None, content });
    match ask.how.as_str() {
        "giant" => structured(format!("{{\"text\":\"{}\"}}", "x".repeat(2 << 20))),
        "giant_text" => parts(vec![Content::Text("x".repeat(2 << 20))]),
        "giant_image" => {
            parts(vec![Content::Image(Blob { mime_type: "image/png".to_owned(), data: vec![0; 2 << 20] })])
        }
        "many_parts" => parts(vec![Content::Text(String::new()); 10_000]),
        "not_json" => structured("{\"a\":"),
        "not_object" => structured("[1,2]"),
        "two_values" => structured("{} {}"),
        "nested" => structured(format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200))),
        "deep" => structured(format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000))),
        "error" => Err(ToolError::Other("x".repeat(1 << 20))),
        "error_json" => Err(ToolError::Partial("[".repeat(1 << 20))),
        "controls" => structured("{\"text\":\"\\u001b[2J\\b\\f\\r.\\u202egpj.exe\u{200b}\"}"),
        _ => structured("{}"),
    }
}

/// No routes, so that it runs without a connection.
fn describe(name: &'static str) -> wit::Connector {
    declare::connector(name, vec![declare::tool(name, "do", wit::Access::Read, &[])])
}

hostile!(attack, describe: describe);
