//! `cargo xtask mutants`: is each defence what stops its attack? The checkout is copied, and every defence in the
//! copy gets a switch; the red team runs once with all defences on, and once with each of them off, and then it
//! must notice. What is shipped has no switch: they exist in the copy alone.

mod list;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;

use crate::layout::{Layout, WORKSPACE};
use crate::{guests, step};
use list::MUTANTS;

/// What names the defence that is off, for a program of the copy.
const SWITCH: &str = "TOOLKEEP_MUTANT";
/// Stands in a replacement for the question whether this defence is off.
const OFF: &str = "{off}";
/// Longest run of the cases of one mutant, in seconds. A defence against endless work that is off is noticed by
/// work without end; every case that ends does so in a tenth of this.
const CASES_LIMIT_S: u64 = 120;
/// How often a running case is looked at, in milliseconds.
const LOOK_MS: u64 = 50;

/// A defence, how it is switched off, and which cases of the red team must notice.
struct Mutant {
    /// Its name.
    id: &'static str,
    /// What is switched off.
    defence: &'static str,
    /// The file that holds it, from the root.
    file: &'static str,
    /// A piece of the file that stands there once.
    find: &'static str,
    /// The same with a switch at [`OFF`].
    replace: &'static str,
    /// Cases of the red team, each of which must fail.
    cases: &'static [&'static str],
}

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only mutants whose name holds this
    filter: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// Something cannot be built, a case fails although every defence is on, or a defence is off and nobody notices.
pub(crate) fn run(layout: &Layout, options: &Options) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let wanted = |mutant: &&Mutant| options.filter.as_ref().is_none_or(|part| mutant.id.contains(part.as_str()));
    let mutants: Vec<&Mutant> = MUTANTS.iter().filter(wanted).collect();
    ensure!(!mutants.is_empty(), "no mutant has such a name; there is {}", names(MUTANTS.iter()));
    guests::build(layout)?;
    let copy = Copy::make(layout)?;
    let redteam = copy.build()?;
    step::say(&format!("==> {} mutants", mutants.len()));
    let mut unnoticed = Vec::new();
    let mut controls: BTreeMap<&str, bool> = BTreeMap::new();
    for mutant in &mutants {
        for case in mutant.cases {
            // With every defence on the case passes, or its failing with one off says nothing.
            let passes = match controls.get(case) {
                Some(passes) => *passes,
                None => *controls.entry(case).or_insert(redteam.passes(case, None)? == Verdict::Passes),
            };
            ensure!(passes, "the case {case} of the mutant {} fails although every defence is on", mutant.id);
        }
        let mut passing = Vec::new();
        for case in mutant.cases {
            if redteam.passes(case, Some(mutant.id))? == Verdict::Passes {
                passing.push(*case);
            }
        }
        let said = if passing.is_empty() { "noticed" } else { "NOT NOTICED" };
        step::say(&format!("    {said:<12} {:<28} {}", mutant.id, mutant.defence));
        if !passing.is_empty() {
            unnoticed.push((mutant.id, passing));
        }
    }
    step::say(&format!(
        "{} of {} noticed, in {}.",
        mutants.len() - unnoticed.len(),
        mutants.len(),
        step::seconds(started)
    ));
    if unnoticed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let told: Vec<String> = unnoticed.iter().map(|(id, passing)| format!("{id}: {}", passing.join(", "))).collect();
    bail!("with these defences off, these cases pass all the same:\n    {}", told.join("\n    "))
}

fn names<'a>(mutants: impl Iterator<Item = &'a Mutant>) -> String {
    mutants.map(|mutant| mutant.id).collect::<Vec<_>>().join(", ")
}

/// The copy of the checkout, with its switches.
struct Copy {
    root: PathBuf,
    target: PathBuf,
}

impl Copy {
    /// Copies what git tracks, as it is in the work tree, and puts the switches in. What was compiled of others'
    /// crates is shared with the ordinary build.
    fn make(layout: &Layout) -> anyhow::Result<Self> {
        let root = layout.target.join("mutants/checkout");
        let target = layout.target.join("mutants/target");
        if root.exists() {
            fs::remove_dir_all(&root).with_context(|| format!("cannot remove {}", root.display()))?;
        }
        let mut list = Command::new("git");
        list.current_dir(&layout.root).args(["ls-files", "--cached", "--others", "--exclude-standard"]);
        for name in step::output(&mut list).context("the checkout is copied with git")?.lines() {
            let (from, to) = (layout.root.join(name), root.join(name));
            if !from.is_file() {
                continue;
            }
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        }
        let mut texts: BTreeMap<&str, String> = BTreeMap::new();
        for mutant in MUTANTS {
            let text = match texts.remove(mutant.file) {
                Some(text) => text,
                None => fs::read_to_string(root.join(mutant.file))
                    .with_context(|| format!("the mutant {} is of {}", mutant.id, mutant.file))?,
            };
            texts.insert(mutant.file, mutant.switched(&text)?);
        }
        for (file, text) in texts {
            fs::write(root.join(file), text)?;
        }
        share(&layout.target, &target, &Own::of(layout)?)?;
        Ok(Self { root, target })
    }

    /// Builds the red team of the copy, and the program that some of its cases drive.
    fn build(&self) -> anyhow::Result<RedTeam> {
        let mut cargo = self.cargo();
        cargo.arg("build").args(WORKSPACE).args(["--bin", "toolkeep", "--test", "redteam"]);
        step::run("build the copy with its switches", &mut cargo)?;
        let mut asked = self.cargo();
        asked.arg("build").args(WORKSPACE).args(["--test", "redteam", "--message-format", "json"]);
        let messages = step::output(asked.stderr(Stdio::inherit()))?;
        let program = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|message| message.pointer("/target/name").is_some_and(|name| name == "redteam"))
            .find_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
            .context("cargo does not say where the red team is")?;
        Ok(RedTeam { program, root: self.root.clone() })
    }

    fn cargo(&self) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        cargo.env("CARGO_TERM_PROGRESS_WHEN", "never");
        cargo
    }
}

impl Mutant {
    /// The text with this mutant's switch.
    fn switched(&self, text: &str) -> anyhow::Result<String> {
        let times = text.matches(self.find).count();
        ensure!(times == 1, "what the mutant {} looks for stands {times} times in {}", self.id, self.file);
        ensure!(self.replace.contains(OFF), "the mutant {} has no switch", self.id);
        let off = format!("(std::env::var_os(\"{SWITCH}\").is_some_and(|off| off == \"{}\"))", self.id);
        Ok(text.replacen(self.find, &self.replace.replace(OFF, &off), 1))
    }
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
        let about: serde_json::Value = serde_json::from_str(&step::output(&mut cargo)?)?;
        let list = |value: &serde_json::Value, name: &str| {
            value.get(name).and_then(|list| list.as_array()).cloned().unwrap_or_default()
        };
        let name = |value: &serde_json::Value| value.get("name").and_then(|name| name.as_str()).map(plain);
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
            if !all {
                continue;
            }
            // A component that was built anew replaces the one that was brought before.
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

/// What came of the cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passes,
    Fails,
    /// They did not end in time.
    Hangs,
}

/// The red team of the copy.
struct RedTeam {
    program: PathBuf,
    root: PathBuf,
}

impl RedTeam {
    /// Runs the case of this name, with one defence off or none.
    fn passes(&self, case: &str, off: Option<&str>) -> anyhow::Result<Verdict> {
        let mut command = Command::new(&self.program);
        command.current_dir(self.root.join("tests")).args(["--exact", case]).env_remove(SWITCH);
        if let Some(off) = off {
            command.env(SWITCH, off);
        }
        let mut running = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let begun = Instant::now();
        loop {
            if let Some(status) = running.try_wait()? {
                return Ok(match status.code() {
                    Some(0) => Verdict::Passes,
                    Some(2) => bail!("the red team has no case named {case}"),
                    _ => Verdict::Fails,
                });
            }
            if begun.elapsed() > Duration::from_secs(CASES_LIMIT_S) {
                running.kill()?;
                running.wait()?;
                return Ok(Verdict::Hangs);
            }
            std::thread::sleep(Duration::from_millis(LOOK_MS));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn what_each_mutant_looks_for_is_still_there_once() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for mutant in MUTANTS {
            let text = fs::read_to_string(root.join(mutant.file)).unwrap();
            let switched = mutant.switched(&text).unwrap();
            assert!(switched.contains(SWITCH), "{}", mutant.id);
            assert!(!mutant.cases.is_empty(), "{} has no case", mutant.id);
        }
    }

    #[test]
    fn every_case_of_a_mutant_is_one_of_the_red_team() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tests/redteam/cases");
        let cases: String =
            fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
        for mutant in MUTANTS {
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
        let mut ids: Vec<&str> = MUTANTS.iter().map(|mutant| mutant.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), MUTANTS.len());
    }
}
