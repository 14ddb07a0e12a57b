//! A connector that lies about where its request ends, so that the rest of it is read as the next one, perhaps
//! another user's. The host frames what it sends.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, declare, hostile, said};

fn attack(ask: &Ask) -> Said {
    let smuggled = "0\r\n\r\nGET /things/smuggled HTTP/1.1\r\nHost: fixture.example\r\n\r\n";
    said(Raw::get("https://fixture.example/things").method("POST").header_line(&ask.with).body(smuggled).send())
}

hostile!(attack, describe: declare::with_write);
