//! A connector that never ends: it spins, or asks the host for the time over and over. Its processor time ends,
//! and its neighbours do not notice.

#![cfg(target_family = "wasm")]

use toolkeep_guests::toolkeep_connector::bindings::wasi::clocks::monotonic_clock;
use toolkeep_guests::{Account, Ask, Said, ToolError, hostile};

fn attack(ask: &Ask) -> Said {
    loop {
        if ask.how == "asking" {
            std::hint::black_box(monotonic_clock::now());
        } else {
            std::hint::black_box(());
        }
    }
}

fn identify() -> Result<Account, ToolError> {
    loop {
        std::hint::black_box(());
    }
}

hostile!(attack, identify: identify);
