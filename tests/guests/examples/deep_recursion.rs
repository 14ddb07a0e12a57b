//! A connector that calls itself without end, to run off the host's stack. It has a stack of its own, and traps.

#![cfg(target_family = "wasm")]
#![allow(clippy::indexing_slicing, reason = "the index is a constant")]

use toolkeep_guests::{Ask, Said, hostile, said};

#[allow(unconditional_recursion, reason = "using up the stack is what it is for")]
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let waste = std::hint::black_box([depth; 4]);
    recurse(depth + 1) + waste[0]
}

fn attack(_: &Ask) -> Said {
    said(recurse(0).to_string())
}

hostile!(attack);
