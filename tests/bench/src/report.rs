//! What was measured, as tables for people and as JSON for programs.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::figures::{Figure, Target};
use crate::load::{Calls, IN_FLIGHT, Way};
use crate::machine::Machine;

/// A whole run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    calls_in_flight: usize,
    /// The ways to make the call, side by side.
    pub(crate) calls: Vec<Calls>,
    /// Everything else, and what follows from the calls.
    pub(crate) figures: Vec<Figure>,
}

impl Report {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine, calls_in_flight: IN_FLIGHT, calls: Vec::new(), figures: Vec::new() }
    }

    /// How many targets were missed.
    pub(crate) fn misses(&self) -> usize {
        self.figures.iter().filter(|figure| figure.met == Some(false)).count()
    }

    fn calls_table(&self) -> Table {
        let mut table = plain(&[
            "25 open incidents",
            "alone p50",
            "p90",
            "p99",
            "÷ native",
            "at 32: calls/s",
            "p50",
            "p99",
            "÷ native",
            "CPU µs: client",
            "server",
            "simulator",
        ]);
        for calls in &self.calls {
            let (alone, flight) = (&calls.alone, &calls.in_flight);
            table.add_row([
                name(calls.way).to_owned(),
                micros(alone.p50_us),
                micros(alone.p90_us),
                micros(alone.p99_us),
                ratio(calls.alone_ratio),
                format!("{:.0}", calls.calls_per_s),
                micros(flight.p50_us),
                micros(flight.p99_us),
                ratio(calls.throughput_ratio),
                format!("{:.0}", calls.client_cpu_us),
                format!("{:.0}", calls.server_cpu_us),
                format!("{:.0}", calls.simulator_cpu_us),
            ]);
        }
        table
    }

    fn figures_table(&self) -> Table {
        let mut table = plain(&["figure", "measured", "target", ""]);
        for figure in &self.figures {
            let target = match figure.target {
                None => String::new(),
                Some(Target::Most(most)) => format!("≤ {}", number(most)),
                Some(Target::Least(least)) => format!("≥ {}", number(least)),
            };
            let met = match figure.met {
                None => "",
                Some(true) => "met",
                Some(false) => "MISSED",
            };
            table.add_row([
                figure.what.to_owned(),
                format!("{} {}", number(figure.value), figure.unit),
                target,
                met.to_owned(),
            ]);
        }
        table
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine)?;
        if !self.calls.is_empty() {
            writeln!(f, "{}\n", self.calls_table())?;
        }
        writeln!(f, "{}", self.figures_table())?;
        match self.misses() {
            0 => write!(f, "every target is met"),
            missed => write!(f, "{missed} of the targets are missed"),
        }
    }
}

fn plain(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn name(way: Way) -> &'static str {
    match way {
        Way::Native => "native (reqwest)",
        Way::Library => "library, audit in memory",
        Way::LibraryDurable => "library, durable audit",
        Way::McpDurable => "MCP over HTTP, durable audit",
    }
}

/// Empty where there was nothing to compare with.
fn ratio(value: f64) -> String {
    if value.is_nan() { String::new() } else { format!("{value:.2}") }
}

/// A time in whatever unit reads best.
fn micros(us: f64) -> String {
    if us < 1_000.0 { format!("{us:.0} µs") } else { format!("{:.2} ms", us / 1_000.0) }
}

fn number(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
