//! What one call, one component and the whole host may use. Every number has a unit and a reason.

use std::time::Duration;

/// Declares the limits once: the struct, the defaults, and their names for configuration by text.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty = $default:expr;)+) => {
        /// The limits of a host. [`Limits::default`] suits one machine with two cores; each may be changed.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: $kind,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl Limits {
            /// Every limit with its value in `self` and its reason, in order: for listings.
            #[must_use]
            pub fn list(&self) -> Vec<Limit> {
                vec![$(Limit {
                    name: stringify!($name),
                    value: u64::try_from(self.$name).unwrap_or(u64::MAX),
                    reason: concat!($($doc),+).trim(),
                },)+]
            }

            /// Changes the limit of this name. Its unit is the end of its name, or a number of things.
            ///
            /// # Errors
            /// [`LimitError`] where there is no such limit, or the number does not fit it.
            pub fn set(&mut self, name: &str, value: u64) -> Result<(), LimitError> {
                match name {
                    $(stringify!($name) => {
                        self.$name = <$kind>::try_from(value).map_err(|_| LimitError::TooLarge { name: stringify!($name), value })?;
                    })+
                    _ => return Err(LimitError::Unknown(name.chars().take(64).collect())),
                }
                Ok(())
            }
        }
    };
}

/// One limit, as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Limit {
    /// Its name, e.g. `wall_clock_ms`: the unit is its end.
    pub name: &'static str,
    /// Its value.
    pub value: u64,
    /// What it bounds, and why that number.
    pub reason: &'static str,
}

/// A limit that cannot be changed like that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// There is none of this name.
    #[error("there is no limit named {0:?}")]
    Unknown(String),
    /// The number is beyond what the limit can be.
    #[error("{value} is more than the limit {name} can be")]
    TooLarge {
        /// The limit.
        name: &'static str,
        /// The number.
        value: u64,
    },
}

limits! {
    /// Longest a call may take, in milliseconds. A slow upstream page takes 10 s at worst; a person waits no
    /// longer than a minute.
    wall_clock_ms: u64 = 60_000;
    /// Processor time of a call's guest code, in milliseconds, counted in ticks of [`TICK_MS`]. Reshaping
    /// 10,000 rows takes well under one second.
    cpu_ms: u64 = 5_000;
    /// Linear memory of one instance, in bytes. Ten times what the largest permitted answer needs.
    memory_bytes: usize = 64 << 20;
    /// Elements of one table. A compiled program has a few hundred indirect functions.
    table_elements: usize = 20_000;
    /// Core instances of one component. A program and its shims are three or four.
    core_instances: usize = 16;
    /// Stack of the guest, in bytes. JSON nested 128 deep needs a quarter of it.
    stack_bytes: usize = 1 << 20;
    /// Handles (requests, streams, fields …) that one call may hold at a time.
    handles: usize = 1_024;
    /// Upstream requests of one call. A hundred pages of a hundred rows are where classic paging commonly
    /// ends (PagerDuty: 10,000 rows), and some look-ups of names come before.
    upstream_requests: u32 = 120;
    /// Upstream requests of one call that are under way at once. Each may hold two bodies in memory.
    upstream_requests_at_once: u32 = 8;
    /// Body of one upstream request, in bytes.
    request_body_bytes: usize = 1 << 20;
    /// Body of one upstream answer, in bytes. A page of 100 full incidents is about 250 KB.
    response_body_bytes: usize = 8 << 20;
    /// All upstream answers of one call, in bytes.
    response_bytes_per_call: usize = 64 << 20;
    /// Header section of one upstream answer, in bytes.
    response_header_bytes: usize = 64 << 10;
    /// Longest wait for a TCP connection, in milliseconds.
    connect_ms: u64 = 5_000;
    /// Longest wait for one upstream answer with its body, in milliseconds.
    upstream_ms: u64 = 30_000;
    /// Arguments of a call as JSON text, in bytes.
    arguments_bytes: usize = 256 << 10;
    /// A tool's answer, structured and other content together, in bytes. A model reads no more than that.
    result_bytes: usize = 1 << 20;
    /// Lines that one call may write to the operator's log.
    log_lines: u32 = 64;
    /// Progress reports that one call may pass on.
    progress_reports: u32 = 100;
    /// Calls that run at once; as many instances are kept ready. Each keeps a few MiB resident when used.
    concurrent_calls: u32 = 64;
    /// Calls of one principal that run at once. An agent that works in parallel has a handful; the rest of the
    /// places are for others.
    concurrent_calls_per_principal: u32 = 16;
    /// Calls that one principal may make in a minute, over time; 0 for no limit. Ten a second is more than an
    /// agent reads answers, and keeps one that went astray from filling the log.
    calls_per_minute_per_principal: u32 = 600;
    /// Calls that one principal may make at once before that rate counts.
    calls_burst_per_principal: u32 = 200;
    /// Longest wait for a place among them, in milliseconds; then the caller is told to come back.
    queue_ms: u64 = 10_000;
    /// A component's file, in bytes.
    component_bytes: usize = 32 << 20;
    /// Longest wait for a component to be compiled, in milliseconds, those that are compiled before it included.
    /// A component with a JavaScript engine in it, the largest honest kind, took 50 s on two cores that others used.
    compile_ms: u64 = 120_000;
}

/// One tick of the processor-time clock, in milliseconds: how long a looping guest may keep a thread from its
/// neighbours. A call of a neighbour waits for a thread some twenty times, so a tick must be a small part of
/// what a person notices; waking five hundred times a second costs a thousandth of a core.
pub const TICK_MS: u64 = 2;

impl Limits {
    /// [`Limits::wall_clock_ms`] as a duration.
    pub(crate) fn wall_clock(&self) -> Duration {
        Duration::from_millis(self.wall_clock_ms)
    }

    /// [`Limits::cpu_ms`] in whole ticks, at least one.
    pub(crate) fn cpu_ticks(&self) -> u64 {
        (self.cpu_ms / TICK_MS).max(1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn each_limit_can_be_set_by_its_name_and_is_listed_with_a_reason() {
        let mut limits = Limits::default();
        for limit in Limits::default().list() {
            assert!(limit.reason.len() > 20 && limit.reason.ends_with('.'), "{limit:?}");
            limits.set(limit.name, limit.value + 1).unwrap();
        }
        let raised: Vec<u64> = limits.list().iter().map(|limit| limit.value - 1).collect();
        let before: Vec<u64> = Limits::default().list().iter().map(|limit| limit.value).collect();
        assert_eq!(raised, before);
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        let mut limits = Limits::default();
        assert_eq!(limits.set("wall_clock", 1), Err(LimitError::Unknown("wall_clock".to_owned())));
        assert!(matches!(limits.set("concurrent_calls", u64::MAX), Err(LimitError::TooLarge { .. })));
        assert_eq!(limits, Limits::default());
    }
}
