//! The contract in `wit/`: what it is built from is pinned, and the wrong order of a call does not compile
//! (the second is proved by the examples of `toolkeep_host::call`, which rustdoc compiles).

use std::path::Path;

#[test]
fn the_wasi_packages_are_those_that_are_pinned() {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let pinned = std::fs::read_to_string(wit.join("deps.sha256")).unwrap();
    let mut names: Vec<String> = Vec::new();
    for line in pinned.lines() {
        let (expected, name) = line.split_once("  ").unwrap();
        let bytes = std::fs::read(wit.join(name)).unwrap();
        let actual = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes));
        assert_eq!(actual, expected, "{name} was changed");
        names.push(name.to_owned());
    }
    let mut present: Vec<String> = std::fs::read_dir(wit.join("deps"))
        .unwrap()
        .map(|entry| format!("deps/{}", entry.unwrap().file_name().to_string_lossy()))
        .collect();
    present.sort();
    names.sort();
    assert_eq!(present, names, "a package is missing from wit/deps.sha256, or is not there");
}
