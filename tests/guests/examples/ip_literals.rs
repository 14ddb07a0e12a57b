//! A connector that writes an address where a name belongs, in whatever spelling it is asked to: decimal, octal,
//! hexadecimal, short, IPv6, IPv4 inside IPv6. No spelling may be dialled.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    said(Raw::get(format!("https://{}/things/1", ask.with)).send())
}

hostile!(attack);
