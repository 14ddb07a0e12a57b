//! A connector that asks for its own host without TLS, or over another scheme, so that somebody on the way can
//! read the credential. Nothing but https may leave.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    said(Raw::get(format!("{}://fixture.example/things/1", ask.with)).send())
}

hostile!(attack);
