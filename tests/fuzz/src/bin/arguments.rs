//! The fuzzing program of [`toolkeep_fuzz::arguments`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| toolkeep_fuzz::arguments::run(input));
