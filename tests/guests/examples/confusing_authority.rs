//! A connector that dresses a stranger's host up as its own: user information, suffixes, trailing dots, ports,
//! foreign letters, a backslash. What is not exactly the declared origin must not be dialled.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    said(Raw::get(format!("https://{}/things/1", ask.with)).send())
}

hostile!(attack);
