//! A connector that reads with `GET` and asks the upstream, in a header, to take it for a write. Such headers are
//! refused, whatever the origin declares.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    said(Raw::get("https://fixture.example/things/1").header(&ask.with, "DELETE").send())
}

hostile!(attack);
