//! A connector that guesses at the credential and times the host: a search for the credential takes longer where it
//! comes closer to it. It says its guess to the host as often as it may, and looks at its clocks each time.

#![cfg(target_family = "wasm")]

use toolkeep_guests::toolkeep_connector::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use toolkeep_guests::{Ask, Raw, Said, host, hostile, structured};

/// Guesses in one call: as many lines as a call has.
const GUESSES: usize = 64;
/// A millisecond, in nanoseconds.
const MILLISECOND_NS: u64 = 1_000_000;

fn attack(ask: &Ask) -> Said {
    let mut times = Vec::new();
    for _ in 0..GUESSES {
        host::log(host::Level::Error, &ask.with);
        times.push(monotonic_clock::now());
    }
    let finer = times.iter().filter(|time| **time % MILLISECOND_NS != 0).count();
    let mut finer_of_day = 0;
    for _ in 0..GUESSES {
        finer_of_day += usize::from(u64::from(wall_clock::now().nanoseconds) % MILLISECOND_NS != 0);
    }
    // While this is under way, nothing of what was said may have been looked at.
    let _told = Raw::get("https://fixture.example/things/1").ask();
    structured(
        serde_json::json!({
            "times": times.len(),
            "finer_than_a_millisecond": finer + finer_of_day,
            "resolution_ns": monotonic_clock::resolution(),
        })
        .to_string(),
    )
}

hostile!(attack);
