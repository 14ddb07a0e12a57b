//! `cargo xtask mutants`: is each defence what stops its attack? The checkout is copied, and every defence in the
//! copy gets a switch; the red team runs once with all defences on, and once with each of them off, and then it
//! must notice. What is shipped has no switch: they exist in the copy alone.

mod list;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use clap::Args;
use serde_json::Value;

use crate::layout::{Layout, WORKSPACE};
use crate::{guests, redteam, step};

/// What names the defence that is off, for a program of the copy.
const SWITCH: &str = "TOOLKEEP_MUTANT";
/// Stands in a replacement for the question whether this defence is off.
const OFF: &str = "{off}";
/// Longest that one case may take, in seconds. A defence against endless work that is off is noticed by work without
/// end; every case that ends does so in a fraction of this.
const CASE_LIMIT_S: u64 = 60;
/// Longest run of the cases of one mutant, in seconds: a case is tried with two credentials at most, and four cases
/// run at once. What goes on even then is ended.
const CASES_LIMIT_S: u64 = 3 * CASE_LIMIT_S;
/// How often running cases are looked at, in milliseconds.
const LOOK_MS: u64 = 50;
/// Mutants at once: most of a case is waiting, and machines have two processors at least.
const AT_ONCE: usize = 2;

/// A defence, how it is switched off, and which cases of the red team must notice.
struct Mutant {
    /// Its name.
    id: &'static str,
    /// What is switched off.
    defence: &'static str,
    /// Where: in one place, or in each where the defence stands.
    edits: &'static [Edit],
    /// Cases of the red team, each of which must fail.
    cases: &'static [&'static str],
}

/// One change of the source.
struct Edit {
    /// The file, from the root.
    file: &'static str,
    /// A piece of it that stands there once.
    find: &'static str,
    /// What takes its place, with a switch at [`OFF`] in one of a mutant's edits at least.
    replace: &'static str,
}

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only mutants whose name holds one of these
    filters: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// Something cannot be built, a case fails although every defence is on, or a defence is off and nobody notices.
pub(crate) fn run(layout: &Layout, options: &Options) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let wanted = |mutant: &&Mutant| {
        options.filters.is_empty() || options.filters.iter().any(|part| mutant.id.contains(part.as_str()))
    };
    let mutants: Vec<&Mutant> = all().filter(wanted).collect();
    ensure!(!mutants.is_empty(), "no mutant has such a name; there is {}", names(all()));
    guests::build(layout)?;
    let copy = Copy::make(layout)?;
    let redteam = copy.build()?;
    // With every defence on each case passes, or its failing with one off says nothing.
    let cases: BTreeSet<&str> = mutants.iter().flat_map(|mutant| mutant.cases.iter().copied()).collect();
    step::say(&format!("==> {} cases, every defence on", cases.len()));
    let broken = redteam.attack(&cases, None)?.failing(&cases);
    ensure!(broken.is_empty(), "with every defence on, these cases fail all the same: {}", broken.join(", "));
    step::say(&format!("==> {} mutants", mutants.len()));
    let unnoticed = try_all(&redteam, &mutants)?;
    step::say(&format!(
        "{} of {} noticed, in {}.",
        mutants.len() - unnoticed.len(),
        mutants.len(),
        step::seconds(started)
    ));
    if unnoticed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    bail!("with these defences off, these cases pass all the same:\n    {}", unnoticed.join("\n    "))
}

/// Every mutant.
fn all() -> impl Iterator<Item = &'static Mutant> {
    list::MUTANTS.iter().flat_map(|list| list.iter())
}

fn names<'a>(mutants: impl Iterator<Item = &'a Mutant>) -> String {
    mutants.map(|mutant| mutant.id).collect::<Vec<_>>().join(", ")
}

/// Switches each of them off, a few at a time, and says of each whether it was noticed. Gives those that were not,
/// with the cases that passed.
fn try_all(redteam: &RedTeam, mutants: &[&Mutant]) -> anyhow::Result<Vec<String>> {
    let waiting = Mutex::new(mutants.iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || -> anyhow::Result<Vec<String>> {
        let mut unnoticed = Vec::new();
        while let Some(mutant) = next() {
            let cases = mutant.cases.iter().copied().collect();
            let passing = redteam.attack(&cases, Some(mutant.id))?.passing(&cases);
            let said = if passing.is_empty() { "noticed" } else { "NOT NOTICED" };
            step::say(&format!("    {said:<12} {:<28} {}", mutant.id, mutant.defence));
            if !passing.is_empty() {
                unnoticed.push(format!("{}: {}", mutant.id, passing.join(", ")));
            }
        }
        Ok(unnoticed)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let mut unnoticed = Vec::new();
        for worker in workers {
            let found = worker.join().map_err(|_| anyhow!("the search for unnoticed mutants broke off"))?;
            unnoticed.extend(found?);
        }
        Ok(unnoticed)
    })
}

/// The copy of the checkout, with its switches.
struct Copy {
    root: PathBuf,
    target: PathBuf,
}

impl Copy {
    /// Copies what git tracks, as it is in the work tree, with the switches. What was compiled of others' crates is
    /// shared with the ordinary build.
    fn make(layout: &Layout) -> anyhow::Result<Self> {
        let root = layout.target.join("mutants/checkout");
        let target = layout.target.join("mutants/target");
        let mut list = Command::new("git");
        list.current_dir(&layout.root).args(["ls-files", "--cached", "--others", "--exclude-standard"]);
        let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
        for name in step::output(&mut list).context("the checkout is copied with git")?.lines() {
            let from = layout.root.join(name);
            if from.is_file() {
                let bytes = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
                files.insert(PathBuf::from(name), bytes);
            }
        }
        let mut texts = BTreeMap::new();
        for mutant in all() {
            mutant.switch(&mut texts, &layout.root)?;
        }
        files.extend(texts.into_iter().map(|(name, text)| (PathBuf::from(name), text.into_bytes())));
        write(&root, &files)?;
        share(&layout.target, &target, &Own::of(layout)?)?;
        Ok(Self { root, target })
    }

    /// Builds the red team of the copy, and the program that some of its cases drive.
    fn build(&self) -> anyhow::Result<RedTeam> {
        let mut cargo = self.cargo();
        cargo.arg("build").args(WORKSPACE).args(["--bin", "toolkeep", "--test", "redteam"]);
        step::run("build the copy with its switches", &mut cargo)?;
        Ok(RedTeam { program: redteam::program(&mut self.cargo())?, root: self.root.clone() })
    }

    fn cargo(&self) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        cargo.env("CARGO_TERM_PROGRESS_WHEN", "never");
        cargo
    }
}

impl Mutant {
    /// Puts this mutant's switch into the texts of its files, which are read where nobody did before.
    fn switch(&self, texts: &mut BTreeMap<&'static str, String>, root: &Path) -> anyhow::Result<()> {
        let off = format!("std::env::var_os(\"{SWITCH}\").is_some_and(|off| off == \"{}\")", self.id);
        ensure!(self.edits.iter().any(|edit| edit.replace.contains(OFF)), "the mutant {} has no switch", self.id);
        for edit in self.edits {
            let text = match texts.entry(edit.file) {
                Entry::Occupied(text) => text.into_mut(),
                Entry::Vacant(place) => {
                    let text = fs::read_to_string(root.join(edit.file));
                    place.insert(text.with_context(|| format!("the mutant {} is of {}", self.id, edit.file))?)
                }
            };
            let times = text.matches(edit.find).count();
            ensure!(times == 1, "what the mutant {} looks for stands {times} times in {}", self.id, edit.file);
            *text = text.replacen(edit.find, &edit.replace.replace(OFF, &off), 1);
        }
        Ok(())
    }
}

/// Makes a folder hold these files and no others. What is there already stays as it is, so that cargo knows it.
fn write(root: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) -> anyhow::Result<()> {
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries {
            let entry = entry?;
            let name = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                open.push(name);
            } else if !files.contains_key(&name) {
                fs::remove_file(entry.path()).with_context(|| format!("cannot remove {}", entry.path().display()))?;
            }
        }
    }
    for (name, bytes) in files {
        let to = root.join(name);
        if fs::read(&to).is_ok_and(|there| there == *bytes) {
            continue;
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&to, bytes).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

/// The names of the workspace's own packages and targets, as cargo's files have them.
struct Own {
    /// Packages and libraries.
    crates: BTreeSet<String>,
    /// Programs and tests.
    programs: BTreeSet<String>,
}

impl Own {
    fn of(layout: &Layout) -> anyhow::Result<Self> {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&layout.root).args(["metadata", "--no-deps", "--format-version", "1"]);
        let about: Value = serde_json::from_str(&step::output(&mut cargo)?)?;
        let list =
            |value: &Value, name: &str| value.get(name).and_then(|list| list.as_array()).cloned().unwrap_or_default();
        let name = |value: &Value| value.get("name").and_then(|name| name.as_str()).map(plain);
        let (mut crates, mut programs) = (BTreeSet::new(), BTreeSet::new());
        for package in list(&about, "packages") {
            crates.extend(name(&package));
            for target in list(&package, "targets") {
                let is_library = list(&target, "kind").iter().any(|kind| kind == "lib" || kind == "proc-macro");
                let kind = if is_library { &mut crates } else { &mut programs };
                kind.extend(name(&target));
            }
        }
        ensure!(!crates.is_empty(), "cargo names no package of the workspace");
        Ok(Self { crates, programs })
    }

    /// Whether a file or folder of cargo's (`libNAME-HASH.rlib`, `NAME-HASH`) is of the workspace.
    fn has(&self, file: &str) -> bool {
        let stem = plain(file.rsplit_once('-').map_or(file, |(stem, _)| stem));
        match stem.strip_prefix("lib") {
            Some(library) if self.crates.contains(library) => true,
            _ => self.crates.contains(&stem) || self.programs.contains(&stem),
        }
    }
}

/// A name as rustc has it.
fn plain(name: &str) -> String {
    name.replace('-', "_")
}

/// How a file gets into the other target directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As another name of the same file, which nobody writes in place.
    Link,
    /// As a file of its own, of the same age: cargo writes in place what it notes of a compilation.
    Copy,
}

/// Brings what cargo compiled of other people's crates into another target directory, and the components. Ours are
/// left out: they are compiled from the copy.
fn share(from: &Path, to: &Path, own: &Own) -> anyhow::Result<()> {
    for (folder, way) in [
        ("release/deps", Way::Copy),
        ("release/build", Way::Copy),
        ("release/.fingerprint", Way::Copy),
        ("wasm32-wasip2/guest", Way::Link),
    ] {
        bring(&from.join(folder), &to.join(folder), own, way, folder.starts_with("wasm32"))?;
    }
    Ok(())
}

fn bring(from: &Path, to: &Path, own: &Own, way: Way, all: bool) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let (from, to) = (entry.path(), to.join(&name));
        if !all && own.has(&name.to_string_lossy()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            bring(&from, &to, own, way, true)?;
            continue;
        }
        if to.exists() {
            // What cargo compiled there since is its own; a component that was built anew replaces the one that was
            // brought before.
            if way == Way::Copy {
                continue;
            }
            fs::remove_file(&to)?;
        }
        match way {
            Way::Link => fs::hard_link(&from, &to),
            Way::Copy => copy_with_age(&from, &to),
        }
        .with_context(|| format!("cannot bring {}", to.display()))?;
    }
    Ok(())
}

/// Copies a file with the time of its last change, by which cargo tells what is stale.
fn copy_with_age(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::copy(from, to)?;
    let changed = fs::metadata(from)?.modified()?;
    fs::File::options().write(true).open(to)?.set_modified(changed)
}

/// What came of some cases: which of them held. A run that did not end, or broke off, tells of none.
#[derive(Debug, Default)]
struct Held(BTreeSet<String>);

impl Held {
    /// Reads what the red team prints with `--json`. What printed no verdicts was ended by what it tried.
    fn told(text: &str) -> Self {
        let told: Value = serde_json::from_str(text).unwrap_or_default();
        let cases = told.get("cases").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let held = cases.iter().filter(|case| case.get("held") == Some(&Value::Bool(true)));
        Self(held.filter_map(|case| case.get("id")?.as_str().map(ToOwned::to_owned)).collect())
    }

    fn failing(&self, cases: &BTreeSet<&str>) -> Vec<String> {
        cases.iter().filter(|case| !self.0.contains(**case)).map(|case| (*case).to_owned()).collect()
    }

    fn passing(&self, cases: &BTreeSet<&str>) -> Vec<String> {
        cases.iter().filter(|case| self.0.contains(**case)).map(|case| (*case).to_owned()).collect()
    }
}

/// The red team of the copy.
struct RedTeam {
    program: PathBuf,
    root: PathBuf,
}

impl RedTeam {
    /// Runs these cases, with one defence off or none.
    fn attack(&self, cases: &BTreeSet<&str>, off: Option<&str>) -> anyhow::Result<Held> {
        let mut command = Command::new(&self.program);
        command.current_dir(self.root.join("tests")).args(["--json", "--exact", "--limit"]);
        command.arg(CASE_LIMIT_S.to_string()).args(cases).env_remove(SWITCH);
        if let Some(off) = off {
            command.env(SWITCH, off);
        }
        let mut running = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let printed = running.stdout.take().context("the red team has no standard output")?;
        let printed = std::thread::spawn(move || std::io::read_to_string(printed));
        // With all defences on there are many cases, and each ends.
        let limit = off.map(|_| Duration::from_secs(CASES_LIMIT_S));
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = running.try_wait()? {
                break status;
            }
            if limit.is_some_and(|limit| begun.elapsed() > limit) {
                running.kill()?;
                running.wait()?;
                return Ok(Held::default());
            }
            std::thread::sleep(Duration::from_millis(LOOK_MS));
        };
        ensure!(status.code() != Some(2), "the red team does not know all of these cases: {cases:?}");
        let text = printed.join().map_err(|_| anyhow!("what the red team printed could not be read"))??;
        Ok(Held::told(&text))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn what_each_mutant_looks_for_is_still_there_once() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut texts = BTreeMap::new();
        for mutant in all() {
            mutant.switch(&mut texts, &root).unwrap();
            assert!(!mutant.cases.is_empty(), "{} has no case", mutant.id);
        }
        assert!(texts.values().all(|text| text.contains(SWITCH)));
    }

    #[test]
    fn the_copy_holds_what_it_should_and_leaves_alone_what_is_right() {
        let root = std::env::temp_dir().join(format!("toolkeep-mutants-{}", std::process::id()));
        let files = |list: &[(&str, &str)]| {
            list.iter().map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec())).collect::<BTreeMap<_, _>>()
        };
        write(&root, &files(&[("a/b", "1"), ("a/c", "2"), ("d", "3")])).unwrap();
        let changed = |name: &str| fs::metadata(root.join(name)).unwrap().modified().unwrap();
        let before = changed("a/b");
        write(&root, &files(&[("a/b", "1"), ("d", "4")])).unwrap();
        assert_eq!(changed("a/b"), before);
        assert!(!root.join("a/c").exists());
        assert_eq!(fs::read(root.join("d")).unwrap(), b"4");
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn what_told_nothing_held_nothing() {
        let cases = BTreeSet::from(["a", "b"]);
        let held = Held(BTreeSet::from(["a".to_owned()]));
        assert_eq!((held.passing(&cases), held.failing(&cases)), (vec!["a".to_owned()], vec!["b".to_owned()]));
        assert_eq!(Held::default().failing(&cases).len(), 2);
        let told = r#"{ "cases": [{ "id": "a", "held": true }, { "id": "b", "held": false }] }"#;
        assert_eq!(Held::told(told).passing(&cases), ["a"]);
        assert!(Held::told("thread 'main' panicked").0.is_empty());
    }

    /// Each limit of a host, and the mutant that switches it off.
    const LIMITS: [(&str, &str); 46] = [
        ("wall_clock_ms", "wall-clock"),
        ("cpu_ms", "processor-time"),
        ("memory_bytes", "memory"),
        ("table_elements", "tables"),
        ("tables", "many-tables"),
        ("core_instances", "instances"),
        ("stack_bytes", "stack"),
        ("handles", "handles"),
        ("crossing_bytes", "crossing"),
        ("random_bytes", "random"),
        ("upstream_requests", "requests"),
        ("upstream_requests_at_once", "requests-at-once"),
        ("header_fields", "request-fields"),
        ("request_header_bytes", "field-list"),
        ("request_buffer_bytes", "body-chunk"),
        ("request_body_bytes", "request-body"),
        ("response_body_bytes", "answer-size"),
        ("response_bytes_per_call", "answers-together"),
        ("response_header_bytes", "answer-head"),
        ("connect_ms", "connect-time"),
        ("upstream_ms", "exchange-time"),
        ("arguments_bytes", "arguments"),
        ("result_bytes", "result-size"),
        ("log_lines", "log-flood"),
        ("progress_reports", "progress-flood"),
        ("concurrent_calls", "places"),
        ("concurrent_calls_per_principal", "own-places"),
        ("calls_per_minute_per_principal", "rate"),
        ("calls_burst_per_principal", "burst"),
        ("queue_ms", "queue"),
        ("component_bytes", "component-size"),
        ("compile_ms", "compile-time"),
        ("component_code_bytes", "compile-bounds"),
        ("component_function_bytes", "compile-bounds"),
        ("component_functions", "compile-bounds"),
        ("component_function_locals", "compile-bounds"),
        ("component_locals", "compile-bounds"),
        ("component_function_joins", "compile-bounds"),
        ("component_joins", "compile-bounds"),
        ("component_loop_depth", "compile-bounds"),
        ("component_parameters", "compile-bounds"),
        ("component_results", "compile-bounds"),
        ("component_types", "compile-bounds"),
        ("component_items", "compile-bounds"),
        ("component_modules", "compile-bounds"),
        ("component_parts", "compile-bounds"),
    ];

    #[test]
    fn each_limit_of_a_host_has_a_mutant() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/runtime/src/limits.rs");
        let text = fs::read_to_string(file).unwrap();
        // As the file declares them: `name: type = default, least => most;`.
        let declared = text.lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("    ")?.split_once(": ")?;
            let word = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            (word && rest.contains(" = ") && rest.contains(" => ") && rest.ends_with(';')).then_some(name)
        });
        assert_eq!(declared.collect::<Vec<_>>(), LIMITS.map(|(limit, _)| limit));
        for (limit, id) in LIMITS {
            assert!(all().any(|mutant| mutant.id == id), "the mutant {id} of {limit} is gone");
        }
    }

    #[test]
    fn every_case_of_a_mutant_is_one_of_the_red_team() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tests/redteam/cases");
        let cases: String =
            fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
        for mutant in all() {
            for case in mutant.cases {
                assert!(cases.contains(&format!("\"{case}\"")), "the mutant {} names {case}", mutant.id);
            }
        }
    }

    #[test]
    fn the_workspaces_own_files_are_known_by_their_names() {
        let names = |list: &[&str]| list.iter().map(|name| plain(name)).collect();
        let own = Own { crates: names(&["toolkeep-policy", "xtask"]), programs: names(&["headers", "keep"]) };
        for ours in
            ["libtoolkeep_policy-0a.rlib", "toolkeep-policy-0a", "toolkeep_policy-0a.d", "headers-0a", "xtask-0a"]
        {
            assert!(own.has(ours), "{ours}");
        }
        for others in ["libheaders-0a.rlib", "libserde-0a.rmeta", "serde-0a.d", "toolkeep-0a"] {
            assert!(!own.has(others), "{others}");
        }
        let own = Own::of(&Layout::find().unwrap()).unwrap();
        assert!(own.crates.contains("toolkeep_host") && own.programs.contains("redteam"), "{:?}", own.programs);
    }

    #[test]
    fn mutants_have_names_of_their_own() {
        let mut ids: Vec<&str> = all().map(|mutant| mutant.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all().count());
    }
}
