//! A connector that asks for forbidden things and compares the words of the refusals, to learn the policy from
//! them, or what lies behind it. Every refusal must look the same to it.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    // `send` tells what it saw as progress, which arrives although the call fails.
    said(Raw::get(&ask.with).method(if ask.how.is_empty() { "GET" } else { &ask.how }).send())
}

hostile!(attack);
