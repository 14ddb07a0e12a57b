//! The fuzzing program of [`toolkeep_fuzz::describe`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| toolkeep_fuzz::describe::run(input));
