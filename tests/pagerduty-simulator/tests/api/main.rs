//! The simulator's behaviours, over real HTTP: one test for each, which fails if it is missing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what failed by panicking"
)]

mod access;
mod client;
mod data;
mod faults;
mod lists;
mod oncalls;
mod program;
mod speed;
mod writes;
