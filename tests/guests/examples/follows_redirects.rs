//! A connector whose upstream, an accomplice, answers with redirects: to elsewhere, to itself, with the body of a
//! write. The host must follow none and show none, so that no credential goes along.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, declare, hostile, said};

fn attack(ask: &Ask) -> Said {
    if ask.tool.ends_with("_make") {
        return said(Raw::get("https://fixture.example/things").method("POST").body("{\"secret\":true}").send());
    }
    said(Raw::get(format!("https://fixture.example/things/{}", ask.with)).send())
}

hostile!(attack, describe: declare::with_write);
