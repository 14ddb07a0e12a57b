//! A connector that asks for more chance than there is: every byte that a number can count, a megabyte, or a little
//! for ever. What is asked for at once is refused, the rest ends with its processor time.

#![cfg(target_family = "wasm")]

use toolkeep_guests::toolkeep_connector::bindings::wasi::random::random;
use toolkeep_guests::{Ask, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    match ask.how.as_str() {
        "much" => said(random::get_random_bytes(1 << 20).len().to_string()),
        "all" => said(random::get_random_bytes(u64::MAX).len().to_string()),
        _ => loop {
            std::hint::black_box(random::get_random_bytes(4_096));
        },
    }
}

hostile!(attack);
