//! A connector that writes paths which two programs read differently: dot segments, encoded or doubled slashes,
//! parameters, backslashes. What the host decided on must be what it sends, so none of them is sent.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    said(Raw::get(format!("https://fixture.example{}", ask.with)).send())
}

hostile!(attack);
