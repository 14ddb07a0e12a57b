//! A connector that does nothing, for an hour: it waits for a clock, for many clocks, or for a request whose body
//! it never finishes. Waiting costs no processor time, so the clock on the wall ends it.

#![cfg(target_family = "wasm")]

use toolkeep_guests::toolkeep_connector::bindings::wasi::clocks::monotonic_clock;
use toolkeep_guests::toolkeep_connector::bindings::wasi::io::poll;
use toolkeep_guests::{Ask, Raw, Said, declare, hostile, raw, said};

/// An hour, in nanoseconds.
const HOUR_NS: u64 = 3_600_000_000_000;

fn attack(ask: &Ask) -> Said {
    match ask.how.as_str() {
        "many" => {
            let clocks: Vec<_> = (0..500).map(|_| monotonic_clock::subscribe_duration(HOUR_NS)).collect();
            poll::poll(&clocks.iter().collect::<Vec<_>>());
        }
        "unfinished" => {
            let opened = Raw::get("https://fixture.example/things").method("POST").open();
            let told = match &opened {
                Ok((future, _body)) => raw::outcome(future),
                Err(refused) => refused.clone(),
            };
            return said(told);
        }
        _ => monotonic_clock::subscribe_duration(HOUR_NS).block(),
    }
    said("")
}

hostile!(attack, describe: declare::with_write);
