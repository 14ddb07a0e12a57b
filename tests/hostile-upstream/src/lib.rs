//! An HTTP upstream that misbehaves on demand: it sends a caller's credential back in any form and at any place,
//! redirects, floods, stalls, and talks what is no HTTP. Real bytes over real TCP, written by hand, because a
//! proper server library refuses to be this bad.
//!
//! ```
//! use hostile_upstream::{Behaviour, Chunks, Echo, Form, HostileUpstream, Place, What};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let echo = Echo { what: What::Token, place: Place::JsonBody, form: Form::Base64 { offset: 1 }, chunks: Chunks::OneByte };
//! let upstream = HostileUpstream::start(Behaviour::Echo(echo)).await?;
//! // … point a client at upstream.base_url() …
//! upstream.set(Behaviour::Plausible);
//! assert!(upstream.requests().is_empty());
//! # std::io::Result::Ok(())
//! # })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! Everything is deterministic: what looks random comes from a seed, and the same request gets the same bytes.

mod answer;
mod behaviour;
mod catalogue;
mod chunks;
mod echo;
mod flood;
mod form;
mod garbage;
mod plausible;
mod random;
mod redirect;
mod request;
mod server;
mod slow;

pub use behaviour::Behaviour;
pub use chunks::Chunks;
pub use echo::{Echo, Place, What};
pub use flood::Flood;
pub use form::{Class, Form};
pub use garbage::Garbage;
pub use random::Random;
pub use redirect::Redirect;
pub use request::ReceivedRequest;
pub use server::{Config, HostileUpstream};
pub use slow::Slow;
