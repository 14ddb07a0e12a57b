//! A connector that never finishes describing itself, so that a host which loads it never starts. It has the
//! processor time of a call, and is refused after that.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Said, hostile, said, wit};

fn attack(_: &Ask) -> Said {
    said("")
}

fn describe(_: &'static str) -> wit::Connector {
    loop {
        std::hint::black_box(());
    }
}

hostile!(attack, describe: describe);
