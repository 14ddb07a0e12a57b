//! A connector that calls itself without end, to run off the host's stack, or so many times as no honest program
//! does. It has a stack of its own, of so many bytes, and traps.

#![cfg(target_family = "wasm")]
#![allow(clippy::indexing_slicing, reason = "the index is a constant")]

use toolkeep_guests::{Ask, Said, hostile, said};

#[allow(unconditional_recursion, reason = "using up the stack is what it is for")]
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let waste = std::hint::black_box([depth; 4]);
    recurse(depth + 1) + waste[0]
}

/// Calls inside each other, forty bytes of stack each at least: several times what a host gives, and all of it the
/// engine's, because nothing of it has an address.
const CALLS: u64 = 100_000;

#[inline(never)]
fn count_down(left: u64, mixed: u64) -> u64 {
    if left == 0 {
        return mixed;
    }
    // What is left to do afterwards keeps this from becoming a loop.
    count_down(left - 1, mixed ^ left).rotate_left(7) ^ mixed.wrapping_mul(left)
}

fn attack(ask: &Ask) -> Said {
    match ask.how.as_str() {
        "counted" => said(count_down(CALLS, ask.with.len() as u64).to_string()),
        _ => said(recurse(0).to_string()),
    }
}

hostile!(attack);
