//! Times the worst that `host/runtime/src/bounds.rs` lets through to the compiler, and what it refuses:
//! `cargo run --release -p toolkeep-tests --example compile_bombs`. Whoever changes a bound runs it and writes the
//! new figure beside the bound. Each bomb has a process to itself, so that its memory is its own; a number as the
//! argument explodes that one alone, and the name of a file compiles that component.

#![allow(clippy::print_stdout, reason = "a table is what it is for")]

use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use toolkeep_audit::AuditLog;
use toolkeep_host::{Host, Limits};
use toolkeep_tests::bombs::{self, Bomb};
use toolkeep_vault::Vault;

/// Makes one of them: they are large, and one at a time is in memory.
type Make = fn() -> Result<Bomb>;

/// The worst of each kind that is let through, as near to its bounds as it comes.
const BOMBS: [Make; 26] = [
    || bombs::joins(19, 2_990, 50, 1),
    || bombs::joins(12, 1_000, 50, 4),
    || bombs::joins(180, 2_990, 5, 1),
    || bombs::joins(56, 1_000, 50, 1),
    || bombs::joins(12, 100, 50, 9),
    || bombs::joins(10, 1, 1, 540),
    || bombs::block_values(10, 15, 35_000),
    || bombs::branch_tables(12, 490_000, 100),
    || bombs::branch_tables(24, 150_000, 20_000),
    || bombs::empty_functions(60_000),
    || bombs::idle_locals(660, 2_999),
    || bombs::idle_locals(60_000, 33),
    || bombs::live_values(24, 80_000),
    || bombs::calls(24, 64, 3_800),
    || bombs::straight("additions", 24, 70_000, "(local.set 0 (i32.add (local.get 0) (i32.const 7)))"),
    || bombs::straight("loads", 24, 70_000, "(local.set 0 (i32.load (local.get 0)))"),
    || bombs::straight("stores", 24, 70_000, "(i64.store (local.get 0) (local.get 1))"),
    || bombs::straight("divisions", 24, 70_000, "(local.set 1 (i64.div_s (local.get 1) (local.get 1)))"),
    || bombs::straight("vector products", 24, 55_000, "(local.set 2 (i64x2.mul (local.get 2) (local.get 2)))"),
    || bombs::straight("conversions", 24, 90_000, "(local.set 0 (i32.trunc_f64_s (local.get 3)))"),
    || bombs::straight("memory growths", 24, 95_000, "(drop (memory.grow (local.get 0)))"),
    || bombs::straight("branches", 24, 41_000, "(if (local.get 0) (then (local.set 0 (i32.const 1))))"),
    || bombs::data_segments(99_000),
    || bombs::exports(99_000),
    || bombs::large_types(1_000, 15),
    || bombs::adapters(100, 12),
];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        let program = std::env::current_exe()?;
        for number in 0..BOMBS.len() {
            Command::new(&program).arg(number.to_string()).status()?;
        }
        return Ok(());
    }
    for argument in arguments {
        let bomb = match argument.parse::<usize>() {
            Ok(number) => BOMBS.get(number).context("there is no bomb of this number")?()?,
            Err(_) => Bomb { wasm: std::fs::read(&argument)?, name: argument },
        };
        time(&bomb)?;
    }
    Ok(())
}

#[tokio::main]
async fn time(bomb: &Bomb) -> Result<()> {
    let vault = Arc::new(Vault::in_memory()?);
    let audit = AuditLog::in_memory(vault.derive_key("audit digests"))?;
    let mut limits = Limits::default();
    // However long it takes: that is what is asked.
    limits.compile_ms = 3_600_000;
    let host = Host::builder(vault, audit).limits(limits).build()?;
    // What making the bomb took is not the compiler's: the kernel counts anew from here (Linux 4.0).
    std::fs::write("/proc/self/clear_refs", "5")?;
    let begun = Instant::now();
    let end = host.inspect(&bomb.wasm).await.map_or_else(|error| error.code().to_owned(), |_| "ok".to_owned());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default().trim().to_owned();
    println!(
        "{:>9.0} ms  {:>8} KB  {:<24} peak {peak:<12} {}",
        begun.elapsed().as_secs_f64() * 1e3,
        bomb.wasm.len() >> 10,
        end,
        bomb.name
    );
    Ok(())
}
