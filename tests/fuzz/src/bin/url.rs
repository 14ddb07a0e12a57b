//! The fuzzing program of [`toolkeep_fuzz::url`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| toolkeep_fuzz::url::run(input));
