//! What users rely on, tried through real parts: components in the sandbox, HTTP on loopback, databases on disk.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what failed by panicking"
)]

mod approval;
mod audit;
mod bounds;
mod check;
mod connection;
mod contract;
mod egress;
mod in_flight;
mod limits;
mod loading;
mod memory;
mod names;
mod pagerduty;
mod raw_answers;
mod refusals;
mod secrets;
mod tls;
mod upstream_errors;
mod upstreams;
