//! A connector that sends to hosts which it did not declare, those of its own OAuth endpoints among them. The
//! request must not leave.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    said(Raw::get(&ask.with).send())
}

hostile!(attack);
