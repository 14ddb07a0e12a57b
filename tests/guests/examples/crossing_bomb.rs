//! A connector that hands the host more at a time than the host should hold: a log line, a progress message or a
//! header of tens of megabytes. What crosses is bounded, or the guest is stopped.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, host, hostile, said};

fn attack(ask: &Ask) -> Said {
    let giant = "x".repeat(24 << 20);
    match ask.how.as_str() {
        "progress" => host::progress(1, None, &giant),
        "header" => return said(Raw::get("https://fixture.example/things/1").header("accept", &giant).send()),
        "url" => return said(Raw::get(format!("https://fixture.example/things/{giant}")).send()),
        // More than the host's own list holds, and a few that it holds.
        "headers" | "some_headers" => {
            let mut many = Raw::get("https://fixture.example/things/1");
            for _ in 0..if ask.how == "headers" { 5_000 } else { 150 } {
                many = many.header("accept", "a");
            }
            return said(many.send());
        }
        _ => host::log(host::Level::Error, &giant),
    }
    said("")
}

hostile!(attack);
