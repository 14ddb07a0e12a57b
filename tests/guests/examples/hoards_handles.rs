//! A connector that never lets go of a handle: header lists, requests, clocks, streams. Each costs the host memory
//! outside of the guest's; a call has so many at a time.

#![cfg(target_family = "wasm")]

use toolkeep_guests::toolkeep_connector::bindings::wasi::clocks::monotonic_clock;
use toolkeep_guests::toolkeep_connector::bindings::wasi::http::types::{Fields, OutgoingRequest};
use toolkeep_guests::{Ask, Said, hostile, said};

/// Far more than any host gives.
const MANY: usize = 1_000_000;
/// Twice what the red team's host gives: so few that nothing else than their number could stop it.
const FEW: usize = 2_048;

fn attack(ask: &Ask) -> Said {
    let kept = match ask.how.as_str() {
        "few" => (0..FEW).map(|_| Fields::new()).collect::<Vec<_>>().len(),
        "requests" => (0..MANY).map(|_| OutgoingRequest::new(Fields::new())).collect::<Vec<_>>().len(),
        "clocks" => (0..MANY).map(|_| monotonic_clock::subscribe_duration(u64::MAX)).collect::<Vec<_>>().len(),
        _ => (0..MANY).map(|_| Fields::new()).collect::<Vec<_>>().len(),
    };
    said(kept.to_string())
}

hostile!(attack);
