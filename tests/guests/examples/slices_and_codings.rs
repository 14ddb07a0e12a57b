//! A connector that asks for slices of an answer, or for a compressed one, so that no scan sees the credential
//! whole. The host asks for everything, as it is.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    said(Raw::get("https://fixture.example/things/1").header_line(&ask.with).send())
}

hostile!(attack);
