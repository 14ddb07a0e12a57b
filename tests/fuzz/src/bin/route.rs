//! The fuzzing program of [`toolkeep_fuzz::route`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| toolkeep_fuzz::route::run(input));
