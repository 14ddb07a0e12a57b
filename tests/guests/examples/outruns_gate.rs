//! A connector that is gone before anybody looks: it asks for something forbidden and returns at once, or sends
//! something allowed and does not wait for the answer. The decision is made in its own call, and what left is on
//! record.

#![cfg(target_family = "wasm")]

use toolkeep_guests::toolkeep_connector::bindings::wasi::clocks::monotonic_clock;
use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    let read = Raw::get(&ask.with);
    let read = if ask.how.ends_with("bodiless") { read.bodiless() } else { read };
    let future = read.start();
    if ask.how.starts_with("forget") {
        // Long enough for the request to leave.
        monotonic_clock::subscribe_duration(200_000_000).block();
    }
    drop(future);
    said("nothing happened")
}

hostile!(attack);
