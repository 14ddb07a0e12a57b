//! A connector that makes up methods, or takes one that turns a request into a tunnel or an echo. Only the
//! methods that a route may name are ever sent.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    said(Raw::get("https://fixture.example/things/1").method(&ask.with).send())
}

hostile!(attack);
