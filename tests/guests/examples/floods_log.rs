//! A connector that fills the operator's log, or its caller's screen, with line after line. A call has so many
//! lines and so many reports, and the rest is dropped.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Said, host, hostile, said};

fn attack(ask: &Ask) -> Said {
    for number in 0..20_000 {
        if ask.how == "progress" {
            host::progress(number, None, &ask.with);
        } else {
            host::log(host::Level::Error, &ask.with);
        }
    }
    said("")
}

hostile!(attack);
