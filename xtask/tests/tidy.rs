//! Rules of the source text, run as tests: each file says what it is for, nothing is left for later, no test
//! is switched off, and nothing speaks of the machine that it was written on.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what failed by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what is made or fetched.
const NOT_OURS: [&str; 5] = [".git", "target", "node_modules", "__pycache__", ".venv"];
/// Longest source file, in lines: one thought fits, and a file that grows past it has begun a second.
const MAX_LINES: usize = 700;

/// Words that no file may hold, and why. Written in halves, or this file would hold them.
const WORDS: [(&str, &str); 13] = [
    (concat!("TO", "DO"), "work that is left is not in the source"),
    (concat!("FIX", "ME"), "work that is left is not in the source"),
    (concat!("XX", "X"), "work that is left is not in the source"),
    (concat!("#[ign", "ore"), "a test that does not run tests nothing"),
    (concat!("dbg", "!("), "a trace for one debugging"),
    (concat!("issue", " #"), "the source speaks for itself"),
    (concat!("Issue", " #"), "the source speaks for itself"),
    (concat!("shared/", "design"), "notes that a reader does not have"),
    (concat!("shared/", "reference"), "notes that a reader does not have"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/ho", "me/"), "a path of one machine"),
    (concat!("/Us", "ers/"), "a path of one machine"),
];

/// Files that may hold a word after all. This list only shrinks: an entry that is not needed fails the test.
const EXCEPTIONS: [(&str, &str, &str); 0] = [];

#[test]
fn every_source_file_says_what_it_is_for() {
    let silent: Vec<_> = files()
        .into_iter()
        .filter(|(path, text)| match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => !text.starts_with("//! "),
            Some("py") => !text.starts_with("\"\"\""),
            _ => false,
        })
        .map(|(path, _)| path)
        .collect();
    assert!(silent.is_empty(), "these files do not open with their purpose (`//! …`): {silent:#?}");
}

#[test]
fn every_source_file_is_one_thought() {
    let long: Vec<_> = files()
        .into_iter()
        .filter(|(path, text)| {
            path.extension().is_some_and(|extension| extension == "rs") && text.lines().count() > MAX_LINES
        })
        .map(|(path, text)| (path, text.lines().count()))
        .collect();
    assert!(long.is_empty(), "these files have more than {MAX_LINES} lines: {long:#?}");
}

#[test]
fn no_file_holds_a_word_that_does_not_belong() {
    let mut found = Vec::new();
    let mut needed = Vec::new();
    for (path, text) in files() {
        for (number, line) in text.lines().enumerate() {
            for (word, reason) in WORDS.iter().filter(|(word, _)| holds(line, word)) {
                let exception =
                    EXCEPTIONS.iter().position(|(file, excepted, _)| path == Path::new(file) && excepted == word);
                match exception {
                    Some(exception) => needed.push(exception),
                    None => found.push(format!("{}:{}: {word}: {reason}", path.display(), number + 1)),
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    let idle: Vec<_> = EXCEPTIONS.iter().enumerate().filter(|(at, _)| !needed.contains(at)).collect();
    assert!(idle.is_empty(), "these exceptions are not needed any more: {idle:#?}");
}

/// Whether a line holds a word by itself: capitals inside a longer run, such as a token's, are none.
fn holds(line: &str, word: &str) -> bool {
    let is_capitals = word.bytes().all(|byte| byte.is_ascii_uppercase());
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line.get(..at).unwrap_or_default(), line.get(at + word.len()..).unwrap_or_default());
        let alone = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
        !is_capitals || (alone(before.chars().next_back()) && alone(after.chars().next()))
    })
}

/// Every text file of the checkout, with its path from the root.
fn files() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let name = entry.file_name();
            if kind.is_dir() && !NOT_OURS.iter().any(|other| name == *other) {
                folders.push(path);
            } else if kind.is_file()
                && name != "Cargo.lock"
                && name != "package-lock.json"
                && let Ok(text) = fs::read_to_string(&path)
            {
                files.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    assert!(files.len() > 50, "the checkout was not found: {} files below {}", files.len(), root.display());
    files.sort();
    files
}

#[test]
fn a_word_is_found_by_itself_only() {
    let word = concat!("XX", "X");
    assert!(holds(&format!("// {word} later"), word));
    assert!(!holds(&format!("A{word}B"), word));
    assert!(holds(concat!("see /wo", "rk/x"), concat!("/wo", "rk/")));
}
