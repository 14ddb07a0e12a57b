//! A connector that takes all memory it can get: a little at a time for ever, or four gigabytes at once. It has
//! the memory of one call, and no more.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    if ask.how == "at_once" {
        let grown = core::arch::wasm32::memory_grow(0, 60_000);
        return said(format!("{}", grown as isize));
    }
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1; 1 << 20]));
    }
}

hostile!(attack);
