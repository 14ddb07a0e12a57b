//! The Model Context Protocol, over HTTP and over standard input and output.
//!
//! [`surface`] is what is offered, [`handler`] answers requests from it, [`answer`] and [`progress`]
//! translate, [`bypass`] spares answers a detour; [`http`], [`guard`], [`places`], [`strangers`] and
//! [`listener`] are the way in over the network, [`stdio`] the local one.
//! This is the only place that knows the protocol; what a call may do is decided in the host.

mod answer;
mod bypass;
mod caller;
pub(crate) mod guard;
mod handler;
pub(crate) mod http;
pub(crate) mod listener;
mod places;
mod progress;
pub(crate) mod stdio;
mod strangers;
pub(crate) mod surface;
