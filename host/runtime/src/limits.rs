//! What one call, one component and the whole host may use. Every number has a unit and a reason.

use std::time::Duration;

/// Declares the limits once: the struct, the defaults, the least and the most that each can be set to, and their
/// names for configuration by text.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty = $default:expr, $least:expr => $most:expr;)+) => {
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
            /// [`LimitError`] where there is no such limit, or the number is less or more than it can be.
            pub fn set(&mut self, name: &str, value: u64) -> Result<(), LimitError> {
                match name {
                    $(stringify!($name) => {
                        let (name, least, most): (_, u64, u64) = (stringify!($name), $least, $most);
                        if value < least {
                            return Err(LimitError::TooSmall { name, value, least });
                        }
                        let too_large = LimitError::TooLarge { name, value, most };
                        if value > most {
                            return Err(too_large);
                        }
                        self.$name = <$kind>::try_from(value).map_err(|_| too_large)?;
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
    /// The number is less than the limit can be: nothing would work, or there would be no limit.
    #[error("{name} is at least {least}; {value} is less")]
    TooSmall {
        /// The limit.
        name: &'static str,
        /// The number.
        value: u64,
        /// The least that it can be.
        least: u64,
    },
    /// The number is more than the limit can be.
    #[error("{name} is at most {most}; {value} is more")]
    TooLarge {
        /// The limit.
        name: &'static str,
        /// The number.
        value: u64,
        /// The most that it can be.
        most: u64,
    },
}

/// Longest time that a limit can be set to, in milliseconds: an hour. Nobody waits longer for an answer.
const HOUR_MS: u64 = 3_600_000;
/// Most bytes that a limit on data can be set to: 1 GiB. What is larger does not belong into a process's memory.
const GIB: u64 = 1 << 30;
/// Most things that a limit can count: a million.
const MILLION: u64 = 1_000_000;

limits! {
    /// Longest a call may take, in milliseconds. A slow upstream page takes 10 s at worst; a person waits no
    /// longer than a minute.
    wall_clock_ms: u64 = 60_000, 1 => HOUR_MS;
    /// Processor time of a call's guest code, in milliseconds, counted in ticks of two. Reshaping 10,000 rows
    /// takes well under one second.
    cpu_ms: u64 = 5_000, 1 => HOUR_MS;
    /// Linear memory of one instance, in bytes. Ten times what the largest permitted answer needs.
    memory_bytes: usize = 64 << 20, 1 << 20 => 4 << 30;
    /// Elements of one table. A compiled program has a few hundred indirect functions.
    table_elements: usize = 20_000, 1 => 10_000_000;
    /// Tables of one component. The program has one for its indirect functions, and each shim that its imports are
    /// called through has one.
    tables: u32 = 4, 1 => 100;
    /// Core instances of one component. A program and its shims are three or four.
    core_instances: usize = 16, 1 => 1_000;
    /// Stack of the guest, in bytes. JSON nested 128 deep needs a quarter of it.
    stack_bytes: usize = 1 << 20, 64 << 10 => 64 << 20;
    /// Handles (requests, streams, fields …) that one call may hold at a time. An answer that is being read takes
    /// five (future, response, body, stream, wait), and eight are read at once; the rest is for connectors that
    /// hold requests or clocks ahead.
    handles: usize = 256, 16 => MILLION;
    /// What one crossing from the guest to the host may carry, in bytes as the host holds it. A description of 128
    /// tools with their schemas is the largest honest one.
    crossing_bytes: usize = 8 << 20, 64 << 10 => GIB;
    /// Random bytes that one request for them gives. Keys, nonces and identifiers need some dozens.
    random_bytes: u64 = 4 << 10, 16 => 1 << 20;
    /// Upstream requests of one call. A hundred pages of a hundred rows are where classic paging commonly
    /// ends (PagerDuty: 10,000 rows), and some look-ups of names come before.
    upstream_requests: u32 = 120, 1 => MILLION;
    /// Upstream requests of one call that are under way at once. Each may hold two bodies in memory.
    upstream_requests_at_once: u32 = 8, 1 => 1_000;
    /// Header fields of one upstream request or answer. Several times what APIs use, and what common servers allow.
    header_fields: usize = 100, 8 => 10_000;
    /// Header section of one upstream request, in bytes as the host holds it, from when the guest begins to write
    /// it. A hundred fields with room to spare.
    request_header_bytes: usize = 32 << 10, 256 => 16 << 20;
    /// Body of one upstream request that the guest wrote and the gate has not read, in bytes, at most twice. A few
    /// writes of the size that WASI guarantees (4 KiB); a guest can hold many bodies that it never finishes.
    request_buffer_bytes: usize = 16 << 10, 4 << 10 => GIB;
    /// Body of one upstream request, in bytes. A tool's arguments are at most a quarter of that.
    request_body_bytes: usize = 1 << 20, 1 => GIB;
    /// Body of one upstream answer, in bytes. A page of 100 full incidents is about 250 KB.
    response_body_bytes: usize = 8 << 20, 1 => GIB;
    /// All upstream answers of one call, in bytes. A hundred pages of 250 KB are 25 MB.
    response_bytes_per_call: usize = 32 << 20, 1 => 16 << 30;
    /// Header section of one upstream answer, in bytes: names, values, and four for each field. Servers commonly
    /// send less than 8 KiB; long links for paging and policies for browsers make up the rest.
    response_header_bytes: usize = 64 << 10, 1 => 16 << 20;
    /// Longest wait for a TCP connection, in milliseconds. A packet around the world takes 0.3 s, and two that
    /// were lost are sent again within three seconds.
    connect_ms: u64 = 5_000, 1 => HOUR_MS;
    /// Longest wait for one upstream answer with its body, in milliseconds. Gateways commonly give up after
    /// thirty seconds, and a call has time for one more.
    upstream_ms: u64 = 30_000, 1 => HOUR_MS;
    /// Arguments of a call as JSON text, in bytes. A model writes some KiB; a document that it passes on is rarely
    /// larger than a hundred.
    arguments_bytes: usize = 256 << 10, 1 => GIB;
    /// A tool's answer, structured and other content together, in bytes. A model reads no more than that.
    result_bytes: usize = 1 << 20, 1 => GIB;
    /// Lines that one call may write to the operator's log. A connector has one to say for each request, and few
    /// calls make more; a stranger's component cannot push others' lines out of sight.
    log_lines: u32 = 64, 1 => MILLION;
    /// Progress reports that one call may pass on. A person sees no more steps than percents.
    progress_reports: u32 = 100, 1 => MILLION;
    /// Calls that run at once; as many instances are kept ready. Each keeps a few MiB resident when used, and
    /// reserves address space for its memory.
    concurrent_calls: u32 = 64, 1 => 4_096;
    /// Calls of one principal that run at once. An agent that works in parallel has a handful; the rest of the
    /// places are for others.
    concurrent_calls_per_principal: u32 = 16, 1 => 4_096;
    /// Calls that one principal may make in a minute, over time; 0 for no limit. Ten a second is more than an
    /// agent reads answers, and keeps one that went astray from filling the log.
    calls_per_minute_per_principal: u32 = 600, 0 => MILLION;
    /// Calls that one principal may make at once before that rate counts. An agent begins with a burst: it looks
    /// at everything, and then at some of it.
    calls_burst_per_principal: u32 = 200, 1 => MILLION;
    /// Longest wait for a place among them, in milliseconds; then the caller is told to come back. Most calls end
    /// within a second or two, so who waits ten waits for calls that stay.
    queue_ms: u64 = 10_000, 1 => HOUR_MS;
    /// A component's file, in bytes. One with a JavaScript engine in it, the largest honest kind, has some twelve
    /// MiB.
    component_bytes: usize = 32 << 20, 1 => GIB;
    /// Longest wait for a component to be compiled, in milliseconds, those that are compiled before it included.
    /// A component with a JavaScript engine in it, the largest honest kind, took 50 s on two cores that others used.
    compile_ms: u64 = 120_000, 1 => HOUR_MS;
    /// Code of all functions of a component, in bytes. A JavaScript engine has 7 MB, and the compiler does about 2 MB
    /// a second on two cores.
    component_code_bytes: u64 = 12 << 20, 1 => GIB;
    /// Code of one function of a component, in bytes. One function is compiled on one core, and the loops of
    /// interpreters, the largest honest functions, have about 200 KB.
    component_function_bytes: u64 = 512 << 10, 1 => GIB;
    /// Functions of a component. A JavaScript engine has some 20,000; each costs tens of microseconds even if empty.
    component_functions: u64 = 60_000, 1 => MILLION;
    /// Parameters and local variables of one function of a component. The loops of interpreters have about 2,000, and
    /// what they cost grows with their square: 10,000 are ten seconds in a function of 90 KB.
    component_function_locals: u64 = 3_000, 1 => 50_000;
    /// Parameters and local variables of all functions of a component. Five bytes can declare fifty thousand, and
    /// the compiler makes room for each.
    component_locals: u64 = 2_000_000, 1 => 1_000 * MILLION;
    /// Branches and their targets, times parameters, local variables, results of blocks and loops, of one function:
    /// what the compiler may have to carry from block to block, and past the look at the clock in each loop. Ten
    /// times what the PagerDuty connector has; 346,000 of them, 1,000 variables in three nests of 50 loops, took 33 s
    /// of processor time.
    component_function_joins: u64 = 600_000, 1 => 1_000 * MILLION;
    /// The same of all functions of a component. Ten times what the PagerDuty connector has; one function with twice
    /// as much as one may have took four minutes of processor time and 450 MB.
    component_joins: u64 = 6_000_000, 1 => 1_000 * MILLION;
    /// Loops inside each other in one function of a component. People write five, compilers make some more of them,
    /// and what they cost grows with their cube: 2,000 in 13 KB are twelve seconds.
    component_loop_depth: u64 = 50, 1 => 10_000;
    /// Parameters of one function type of a component. Compilers of languages pass more through memory.
    component_parameters: u64 = 64, 1 => 1_000;
    /// Results of one function type of a component. Languages return one; shims of several values some more.
    component_results: u64 = 16, 1 => 1_000;
    /// Types of a component and its modules, with the members of component types. Languages' components have some
    /// hundreds.
    component_types: u64 = 20_000, 1 => MILLION;
    /// Imports, exports, globals, tables, memories, segments, aliases, canonical functions and instances of a
    /// component, all together. A JavaScript engine's exports, the largest honest number, are some thousands.
    component_items: u64 = 100_000, 1 => 10 * MILLION;
    /// Core modules of a component: a program, its shims and adapters. Tools that build components make three or
    /// four of them.
    component_modules: u64 = 32, 1 => 1_000;
    /// Components inside a component: one for each interface that it exports, and those hold names alone. A
    /// connector exports one interface.
    component_parts: u64 = 16, 1 => 1_000;
}

/// One tick of the processor-time clock, in milliseconds. One and a half of it is how long a looping guest may keep a
/// thread from its neighbours. A call of a neighbour waits for a thread some twenty times, so that must be a small part
/// of what a person notices; waking five hundred times a second costs a thousandth of a core.
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
            // What it bounds, and why so much: two sentences, or one with both, and for a terminal.
            assert!(limit.reason.len() > 60 && limit.reason.ends_with('.'), "{limit:?}");
            assert!(!limit.reason.contains(['`', '[', ']', '\n']), "{limit:?}");
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

    #[test]
    fn nothing_is_set_to_what_would_be_no_limit_or_no_host() {
        let mut limits = Limits::default();
        for limit in Limits::default().list() {
            let none = limits.set(limit.name, 0);
            // The one limit that may be switched off.
            assert_eq!(none.is_ok(), limit.name == "calls_per_minute_per_principal", "{}", limit.name);
            let endless = limits.set(limit.name, u64::MAX);
            assert!(matches!(endless, Err(LimitError::TooLarge { .. })), "{}", limit.name);
        }
        let small = limits.set("memory_bytes", (1 << 20) - 1).unwrap_err();
        assert_eq!(small.to_string(), "memory_bytes is at least 1048576; 1048575 is less");
        let large = limits.set("concurrent_calls", 4_097).unwrap_err();
        assert_eq!(large.to_string(), "concurrent_calls is at most 4096; 4097 is more");
        limits.set("calls_per_minute_per_principal", 600).unwrap();
        assert_eq!(limits, Limits::default());
    }
}
