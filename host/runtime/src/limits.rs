//! What one call, one component and the whole host may use. Every number has a unit and a reason.

use std::time::Duration;

/// The limits of a host. [`Limits::default`] suits one machine with two cores; each may be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest a call may take, in milliseconds. A slow upstream page takes 10 s at worst; a person waits no
    /// longer than a minute.
    pub wall_clock_ms: u64,
    /// Processor time of a call's guest code, in milliseconds, counted in ticks of [`TICK_MS`]. Reshaping
    /// 10,000 rows takes well under one second.
    pub cpu_ms: u64,
    /// Linear memory of one instance, in bytes. Ten times what the largest permitted answer needs.
    pub memory_bytes: usize,
    /// Elements of one table. A compiled program has a few hundred indirect functions.
    pub table_elements: usize,
    /// Core instances of one component. A program and its shims are three or four.
    pub core_instances: usize,
    /// Stack of the guest, in bytes. JSON nested 128 deep needs a quarter of it.
    pub stack_bytes: usize,
    /// Handles (requests, streams, fields …) that one call may hold at a time.
    pub handles: usize,
    /// Upstream requests of one call. A hundred pages of a hundred rows are where classic paging commonly
    /// ends (PagerDuty: 10,000 rows), and some look-ups of names come before.
    pub upstream_requests: u32,
    /// Upstream requests of one call that are under way at once. Each may hold two bodies in memory.
    pub upstream_requests_at_once: u32,
    /// Body of one upstream request, in bytes.
    pub request_body_bytes: usize,
    /// Body of one upstream answer, in bytes. A page of 100 full incidents is about 250 KB.
    pub response_body_bytes: usize,
    /// All upstream answers of one call, in bytes.
    pub response_bytes_per_call: usize,
    /// Header section of one upstream answer, in bytes.
    pub response_header_bytes: usize,
    /// Longest wait for a TCP connection, in milliseconds.
    pub connect_ms: u64,
    /// Longest wait for one upstream answer with its body, in milliseconds.
    pub upstream_ms: u64,
    /// Arguments of a call as JSON text, in bytes.
    pub arguments_bytes: usize,
    /// A tool's answer, structured and other content together, in bytes. A model reads no more than that.
    pub result_bytes: usize,
    /// Lines that one call may write to the operator's log.
    pub log_lines: u32,
    /// Progress reports that one call may pass on.
    pub progress_reports: u32,
    /// Calls that run at once; as many instances are kept ready. Each keeps a few MiB resident when used.
    pub concurrent_calls: u32,
    /// Longest wait for a place among them, in milliseconds; then the caller is told to come back.
    pub queue_ms: u64,
    /// A component's file, in bytes.
    pub component_bytes: usize,
    /// Longest wait for a component to be compiled, in milliseconds, those that are compiled before it included.
    /// The worst that is compiled at all takes a few seconds on two cores.
    pub compile_ms: u64,
}

/// One tick of the processor-time clock, in milliseconds: how long a looping guest may keep a thread from its
/// neighbours. A call of a neighbour waits for a thread some twenty times, so a tick must be a small part of
/// what a person notices; waking five hundred times a second costs a thousandth of a core.
pub const TICK_MS: u64 = 2;

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_clock_ms: 60_000,
            cpu_ms: 5_000,
            memory_bytes: 64 << 20,
            table_elements: 20_000,
            core_instances: 16,
            stack_bytes: 1 << 20,
            handles: 1_024,
            upstream_requests: 120,
            upstream_requests_at_once: 8,
            request_body_bytes: 1 << 20,
            response_body_bytes: 8 << 20,
            response_bytes_per_call: 64 << 20,
            response_header_bytes: 64 << 10,
            connect_ms: 5_000,
            upstream_ms: 30_000,
            arguments_bytes: 256 << 10,
            result_bytes: 1 << 20,
            log_lines: 64,
            progress_reports: 100,
            concurrent_calls: 64,
            queue_ms: 10_000,
            component_bytes: 32 << 20,
            compile_ms: 60_000,
        }
    }
}

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
