//! A connector that names the credential's header in `Connection`, so that a proxy on the way strips it, or other
//! headers that speak to the next hop. They are the host's.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    said(Raw::get("https://fixture.example/things/1").header_line(&ask.with).send())
}

hostile!(attack);
