//! Lists the components of `guests/examples` and `guests/wat`, so that tests can be made to name every one:
//! a hostile component without a test does not compile.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

/// Where components are written, and what their files end in.
const PLACES: [(&str, &str); 2] = [("guests/examples", "rs"), ("guests/wat", "wat")];

fn main() -> io::Result<()> {
    let root = env::var_os("CARGO_MANIFEST_DIR").ok_or_else(|| io::Error::other("cargo names no manifest"))?;
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo names no directory to write to"))?;
    let mut names = Vec::new();
    for (folder, extension) in PLACES {
        println!("cargo::rerun-if-changed={folder}");
        for entry in fs::read_dir(Path::new(&root).join(folder))? {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if path.extension().is_some_and(|found| found == extension)
                && let Some(stem) = stem
            {
                names.push(stem.to_owned());
            }
        }
    }
    names.sort();
    let mut text =
        String::from("/// Every component of `tests/guests`, by name.\npub(crate) const GUESTS: &[&str] = &[\n");
    for name in &names {
        let _ = writeln!(text, "    {name:?},");
    }
    text.push_str(
        "];\n\n/// Calls a macro once with the name of each.\nmacro_rules! for_each_guest {\n    ($check:ident) => {\n",
    );
    for name in &names {
        let _ = writeln!(text, "        $check!({name:?});");
    }
    text.push_str("    };\n}\n");
    fs::write(Path::new(&out).join("guests.rs"), text)
}
