//! The host's clock: a thread that ticks for as long as there is the engine. A tick is what a guest's processor time
//! is counted in, and when calls are looked after.

use std::time::{Duration, Instant};

use wasmtime::Engine;

use crate::call::Begun;
use crate::error::HostError;
use crate::limits::TICK_MS;

/// Starts it.
pub(crate) fn start(engine: &Engine, begun: Begun) -> Result<(), HostError> {
    let engine = engine.weak();
    let clock = std::thread::Builder::new().name("toolkeep-ticks".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(TICK_MS));
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
            begun.look_after(Instant::now());
        }
    });
    clock.map(drop).map_err(|error| HostError::Engine(error.to_string()))
}
