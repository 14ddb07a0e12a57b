//! A faithful, stateful simulator of the PagerDuty REST API.
//!
//! It serves real HTTP/1.1 on a socket of its own, keeps state, so that a write changes what the next read
//! shows, and makes its data from a seed. It stands in for PagerDuty wherever PagerDuty cannot be reached:
//! in tests, in the demo, under the benchmark.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use pagerduty_simulator::{Config, Simulator};
//! let pagerduty = Simulator::start(Config::default()).await?;
//! println!("{}/incidents", pagerduty.base_url());
//! # Ok(())
//! # }
//! ```
//!
//! The layers, outermost first: `http` (the listener, what is recorded, faults, authentication, limits,
//! dispatch), `api` (one file for each family of endpoints), `state` (what changes), `company` (what does
//! not). Issuing OAuth tokens belongs beside `http::auth`, analytics is one more file in `api`, and
//! hostile answers are more kinds of [`FaultKind`].

mod api;
mod clock;
mod company;
mod config;
mod http;
mod random;
mod simulator;
mod state;

pub use config::{
    Config, DEMO_ACCOUNT_API_KEY, DEMO_OAUTH_TOKEN, DEMO_OBSERVER_API_KEY, DEMO_READ_ONLY_OAUTH_TOKEN,
    DEMO_SECOND_USER_EMAIL, DEMO_STAKEHOLDER_API_KEY, DEMO_USER_API_KEY, DEMO_USER_EMAIL, Token, TokenKind,
    demo_tokens,
};
pub use http::faults::{Fault, FaultKind};
pub use http::record::ReceivedRequest;
pub use simulator::Simulator;
