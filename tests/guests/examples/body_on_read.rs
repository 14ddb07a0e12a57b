//! A connector that hides a write in the body of a `GET`, which some servers read. A read carries no body.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(_: &Ask) -> Said {
    said(Raw::get("https://fixture.example/things/1").body("{\"delete\":true}").send())
}

hostile!(attack);
