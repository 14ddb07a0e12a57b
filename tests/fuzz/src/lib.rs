//! Fuzz targets: what strangers write, put through the checks that stand before everything else.
//!
//! | target | the stranger | what it drives | what must hold |
//! | --- | --- | --- | --- |
//! | [`url`] | a connector | `toolkeep_policy::Target`, `Base` | every parser sees the one destination |
//! | [`route`] | a connector | `PathTemplate`, `EgressPolicy` | a request passes where a second reading of the routes agrees, and nowhere else |
//! | [`scan`] | an upstream | `toolkeep_policy::secret_scan` | a secret is found in every form, at every place, however the text is cut |
//! | `describe` | a component | the check of descriptions | what passes is bounded and clean, and so is what is said of what does not |
//! | `arguments` | a caller | schema check and normal form of arguments | what passes fits its schema, and means what was given |
//!
//! Each target is a function of bytes that panics where something does not hold. `cargo xtask fuzz` runs them
//! under LLVM's libFuzzer, beginning with the inputs in `corpus/TARGET`; an input that once failed belongs there.
//! The tests below replay them without a fuzzer. The last two reach inside the host library, which opens
//! itself to fuzzing builds alone (`cfg(fuzzing)`), so they are replayed by `cargo xtask fuzz` only.

#[cfg(fuzzing)]
pub mod arguments;
#[cfg(fuzzing)]
pub mod describe;
pub mod route;
pub mod scan;
pub mod url;

#[cfg(fuzzing)]
mod clean;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use std::path::Path;

    fn replay(target: &str, run: fn(&[u8])) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        let mut inputs = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            run(&std::fs::read(entry.unwrap().path()).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0, "{target} has no corpus");
    }

    #[test]
    fn the_corpus_of_urls() {
        replay("url", super::url::run);
    }

    #[test]
    fn the_corpus_of_answers() {
        replay("scan", super::scan::run);
    }

    #[test]
    fn the_corpus_of_routes() {
        replay("route", super::route::run);
    }
}
