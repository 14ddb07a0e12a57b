//! Whether a component is of the contract's shape: it imports nothing but what a connector is given, and exports
//! `tool-provider` in the version that this host speaks, and nothing else. Each thing that does not fit is named.

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::engine::LINKED_INTERFACES;
use crate::error::HostError;
use crate::text::clean_line;

/// The package of the contract.
const PACKAGE: &str = "toolkeep:connector/";
/// What a connector exports, without its version.
const PROVIDER: &str = "toolkeep:connector/tool-provider";
/// The version of the contract. Before 1.0, only the last number may differ without a change of meaning.
const VERSION: &str = "0.1.0";
/// The WASI that is given, as its versions begin.
const WASI_LINE: &str = "0.2.";
/// Longest name that is repeated, in bytes; those of WASI have at most 50.
const MAX_SHOWN_BYTES: usize = 128;

/// Interfaces that connectors ask for and never get, and what they are for.
const FAMILIES: [(&str, &str); 20] = [
    ("wasi:sockets/", "network sockets: requests go through wasi:http"),
    ("wasi:filesystem/", "files"),
    ("wasi:cli/command", "processes"),
    ("wasi:cli/run", "processes"),
    ("wasi:process/", "processes"),
    ("wasi:threads/", "threads"),
    ("wasi:thread/", "threads"),
    ("wasi:http/incoming-handler", "serving HTTP"),
    ("wasi:http/proxy", "serving HTTP"),
    ("wasi:keyvalue/", "storage: nothing is kept between calls"),
    ("wasi:blobstore/", "storage: nothing is kept between calls"),
    ("wasi:sql/", "databases"),
    ("wasi:messaging/", "messaging"),
    ("wasi:config/", "configuration"),
    ("wasi:logging/", "logging: use toolkeep:connector/host"),
    ("wasi:nn/", "machine learning"),
    ("wasi:crypto/", "cryptography: compile it in"),
    ("wasi:tls/", "network sockets: requests go through wasi:http"),
    ("wasi:webgpu/", "graphics"),
    ("wasi_snapshot_preview1", "WASI 0.1: build for wasm32-wasip2"),
];

/// What an import that is not given belongs to.
pub(crate) fn family(import: &str) -> &'static str {
    let (interface, version) = split(import);
    if let Some((_, family)) = FAMILIES.iter().find(|(prefix, _)| interface.starts_with(prefix)) {
        return family;
    }
    match version {
        Some(version) if interface.starts_with("wasi:") && !version.starts_with(WASI_LINE) => {
            "another version of WASI: 0.2 is given"
        }
        Some(version) if interface.starts_with(PACKAGE) && !is_compatible(version) => {
            "another version of the contract: 0.1 is given"
        }
        _ if interface.starts_with("wasi:") => "a part of WASI that no connector is given",
        _ => "nothing of the contract",
    }
}

/// The refused imports as one text, each with what it is for.
pub(crate) fn told(imports: &[String]) -> String {
    let each: Vec<String> = imports.iter().map(|import| format!("{import} ({})", family(import))).collect();
    each.join(", ")
}

fn split(name: &str) -> (&str, Option<&str>) {
    name.split_once('@').map_or((name, None), |(interface, version)| (interface, Some(version)))
}

fn is_given(import: &str) -> bool {
    let (interface, version) = split(import);
    if !LINKED_INTERFACES.contains(&interface) {
        return false;
    }
    let Some(version) = version else { return false };
    if interface.starts_with(PACKAGE) { is_compatible(version) } else { version.starts_with(WASI_LINE) }
}

/// Whether a version of the contract means the same as ours (semantic versioning, before 1.0).
fn is_compatible(version: &str) -> bool {
    let line = VERSION.rsplit_once('.').map_or(VERSION, |(line, _)| line);
    version.strip_prefix(line).is_some_and(|rest| rest.starts_with('.'))
}

/// The imports of the component, by name.
///
/// # Errors
/// [`HostError::ImportNotLinked`] with every name that a connector is not given; [`HostError::ContractVersion`]
/// where the contract itself is imported in another version.
pub(crate) fn check_imports(engine: &Engine, component: &Component) -> Result<Vec<String>, HostError> {
    let component_type = component.component_type();
    let imports: Vec<String> =
        component_type.imports(engine).map(|(name, _)| clean_line(name, MAX_SHOWN_BYTES)).collect();
    let names: Vec<String> = imports.iter().filter(|name| !is_given(name)).cloned().collect();
    if names.is_empty() {
        return Ok(imports);
    }
    // What was built for another version of the contract should hear just that.
    let is_known = |name: &String| LINKED_INTERFACES.contains(&split(name).0);
    if names.iter().all(|name| name.starts_with(PACKAGE) && is_known(name)) {
        let found = names.first().cloned().unwrap_or_default();
        return Err(HostError::ContractVersion { found, known: VERSION });
    }
    Err(HostError::ImportNotLinked { names })
}

/// Checks what the component exports.
///
/// # Errors
/// [`HostError::ContractVersion`] where it is the provider of another version, [`HostError::WrongExports`] where
/// there is none, or more besides.
pub(crate) fn check_exports(engine: &Engine, component: &Component) -> Result<(), HostError> {
    let component_type = component.component_type();
    let exports: Vec<String> =
        component_type.exports(engine).map(|(name, _)| clean_line(name, MAX_SHOWN_BYTES)).collect();
    check_export_names(&exports)
}

fn check_export_names(exports: &[String]) -> Result<(), HostError> {
    let (mine, others): (Vec<&String>, Vec<&String>) = exports.iter().partition(|name| split(name).0 == PROVIDER);
    let list = |names: &[&String]| names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    match mine.as_slice() {
        [] if others.is_empty() => Err(HostError::WrongExports(format!("it exports nothing; export {PROVIDER}"))),
        [] => Err(HostError::WrongExports(format!("it exports {} and not {PROVIDER}", list(&others)))),
        [one] if !split(one).1.is_some_and(is_compatible) => {
            Err(HostError::ContractVersion { found: (*one).clone(), known: VERSION })
        }
        [_] if others.is_empty() => Ok(()),
        [_] => Err(HostError::WrongExports(format!("it exports {} besides; remove that", list(&others)))),
        several => Err(HostError::WrongExports(format!("it exports {}; export one version", list(several)))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn only_versions_that_mean_the_same_are_given() {
        for given in ["wasi:http/types@0.2.12", "wasi:http/types@0.2.0", "toolkeep:connector/host@0.1.3"] {
            assert!(is_given(given), "{given}");
        }
        for other in [
            "wasi:http/types@0.3.0",
            "wasi:http/types",
            "wasi:http/types@0.20.1",
            "toolkeep:connector/host@0.2.0",
            "toolkeep:connector/host@0.10.0",
            "wasi:http/typesx@0.2.12",
            "wasi:filesystem/types@0.2.12",
            "env",
        ] {
            assert!(!is_given(other), "{other}");
        }
    }

    #[test]
    fn a_refused_import_says_what_it_is_for() {
        assert_eq!(family("wasi:filesystem/types@0.2.12"), "files");
        assert!(family("wasi:sockets/tcp@0.2.12").contains("sockets"));
        assert!(family("wasi:http/types@0.3.0").contains("another version of WASI"));
        assert!(family("wasi:imaginary/x@0.2.0").contains("no connector is given"));
        assert_eq!(family("acme:secrets/read@1.0.0"), "nothing of the contract");
        // No family is for something that is given.
        for interface in LINKED_INTERFACES {
            assert!(!FAMILIES.iter().any(|(prefix, _)| interface.starts_with(prefix)), "{interface}");
        }
    }

    #[test]
    fn exports_are_the_provider_and_nothing_else() {
        let said = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            check_export_names(&names).map_or_else(|error| error.to_string(), |()| "ok".to_owned())
        };
        assert_eq!(said(&["toolkeep:connector/tool-provider@0.1.0"]), "ok");
        assert!(said(&[]).contains("exports nothing"));
        assert!(said(&["wasi:cli/run@0.2.0"]).contains("exports wasi:cli/run@0.2.0 and not"));
        assert!(said(&["toolkeep:connector/tool-provider@0.1.0", "x"]).contains("exports x besides"));
        let version = said(&["toolkeep:connector/tool-provider@0.2.0"]);
        assert!(version.contains("@0.2.0") && version.contains("speaks 0.1.0"), "{version}");
        let both = ["toolkeep:connector/tool-provider@0.1.0", "toolkeep:connector/tool-provider@0.2.0"];
        assert!(said(&both).contains("one version"));
    }
}
