//! The fuzzing program of [`toolkeep_fuzz::scan`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| toolkeep_fuzz::scan::run(input));
