//! A connector that fails in every way a program can, with words of its own in the failure: panics, traps,
//! divisions by zero. The caller is told that the connector failed and not a word of the connector's.

#![cfg(target_family = "wasm")]
#![allow(clippy::panic, clippy::indexing_slicing, reason = "failing is what it is for")]

use toolkeep_guests::{Ask, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    match ask.how.as_str() {
        "panic" => panic!("{}", ask.with),
        "unreachable" => core::arch::wasm32::unreachable(),
        "divide" => said((1_usize.wrapping_div(std::hint::black_box(ask.how.len() - 6))).to_string()),
        "index" => said([1, 2, 3][std::hint::black_box(ask.with.len())].to_string()),
        _ => std::process::abort(),
    }
}

hostile!(attack);
