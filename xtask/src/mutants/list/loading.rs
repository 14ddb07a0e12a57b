//! What is loaded: approvals, bytes, what they cost and say.

use crate::mutants::{Edit, Mutant};

const COMPONENT: &str = "host/runtime/src/component.rs";
const CACHE: &str = "host/runtime/src/cache.rs";
const FOLDER: &str = "host/runtime/src/approval/folder.rs";
const LOAD: &str = "host/runtime/src/load.rs";
const CONTRACT: &str = "host/runtime/src/contract.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    // Supply chain.
    Mutant {
        id: "imports",
        defence: "no import is given but the few of the contract",
        edits: &[Edit {
            file: CONTRACT,
            find: "imports.iter().filter(|name| !is_given(name)).cloned().collect();",
            replace: "imports.iter().filter(|name| !{off} && !is_given(name)).cloned().collect();",
        }],
        cases: &["load/sockets", "load/files"],
    },
    Mutant {
        id: "approval",
        defence: "only what was approved is loaded",
        edits: &[Edit {
            file: LOAD,
            find: "Ok(None) => Err(ApprovalError::NotApproved { digest: digest.clone() }.into()),",
            replace: "Ok(None) if {off} => self.take_in(wasm, None).await,\n            Ok(None) => Err(ApprovalError::NotApproved { digest: digest.clone() }.into()),",
        }],
        cases: &["approval/none"],
    },
    Mutant {
        id: "import-names",
        defence: "the name of an import is compared whole",
        edits: &[Edit {
            file: CONTRACT,
            find: "if !LINKED_INTERFACES.contains(&interface) {",
            replace: "if !LINKED_INTERFACES.iter().any(|given| *given == interface || {off} && interface.starts_with(given)) {",
        }],
        cases: &["load/lookalike-import"],
    },
    Mutant {
        id: "component-size",
        defence: "a component has so many bytes",
        edits: &[Edit {
            file: COMPONENT,
            find: "if wasm.len() > self.limits.component_bytes {",
            replace: "if !{off} && wasm.len() > self.limits.component_bytes {",
        }],
        cases: &["load/too-large"],
    },
    Mutant {
        id: "compile-bounds",
        defence: "what a component costs to compile is bounded",
        edits: &[Edit {
            file: "host/runtime/src/bounds.rs",
            find: "            if count > limit {",
            replace: "            if !{off} && count > limit {",
        }],
        cases: &["resources/compile-bomb"],
    },
    Mutant {
        id: "compile-time",
        defence: "a compilation is waited for so long",
        edits: &[Edit {
            file: COMPONENT,
            find: "let deadline = Duration::from_millis(self.limits.compile_ms);",
            replace: "let deadline = Duration::from_millis(if {off} { 3_600_000 } else { self.limits.compile_ms });",
        }],
        cases: &["resources/compile-time"],
    },
    Mutant {
        id: "composed",
        defence: "a component is not composed of others",
        edits: &[
            Edit {
                file: "host/runtime/src/bounds.rs",
                find: "if nested && has_code {",
                replace: "if !{off} && nested && has_code {",
            },
            Edit {
                file: "host/runtime/src/bounds.rs",
                find: "                            if !is_given(&frame.given_functions, func_index) =>",
                replace: "                            if !{off} && !is_given(&frame.given_functions, func_index) =>",
            },
        ],
        cases: &["load/composed"],
    },
    Mutant {
        id: "approved-digest",
        defence: "an approval is for the bytes that have its digest",
        edits: &[
            Edit {
                file: FOLDER,
                find: "        if found == connector.digest {",
                replace: "        if {off} || found == connector.digest {",
            },
            Edit {
                file: FOLDER,
                find: "self.connectors().find(|connector| connector.digest == digest)",
                replace: "self.connectors().find(|connector| {off} || connector.digest == digest)",
            },
            Edit {
                file: "host/runtime/src/approval.rs",
                find: "if same && self.digest == sheet.digest {",
                replace: "if {off} || same && self.digest == sheet.digest {",
            },
        ],
        cases: &["approval/changed-bytes"],
    },
    Mutant {
        id: "approved-sheet",
        defence: "an approval is for what the component said of itself then",
        edits: &[Edit {
            file: "host/runtime/src/approval.rs",
            find: "let same = self.sheet.as_deref()",
            replace: "let same = {off} || self.sheet.as_deref()",
        }],
        cases: &["approval/other-sheet"],
    },
    Mutant {
        id: "approvals-seal",
        defence: "the list of approvals is sealed with a key of the vault",
        edits: &[Edit {
            file: "host/runtime/src/approval/manifest.rs",
            find: "hmac::verify(key, &covered(body.as_bytes()), &tag).map_err(",
            replace: "hmac::verify(key, &covered(body.as_bytes()), &tag).or_else(|refused| if {off} { Ok(()) } else { Err(refused) }).map_err(",
        }],
        cases: &["approval/other-vault"],
    },
    Mutant {
        id: "stray-components",
        defence: "a component that no approval names keeps the server from starting",
        edits: &[
            Edit {
                file: FOLDER,
                find: "Some(path) => Err(ApprovalError::Stray { path }),",
                replace: "Some(path) if !{off} => Err(ApprovalError::Stray { path }),",
            },
            Edit {
                file: FOLDER,
                find: r#"            None => Ok(()),
        }
    }

    /// Refuses a sheet"#,
                replace: r#"            _ => Ok(()),
        }
    }

    /// Refuses a sheet"#,
            },
        ],
        cases: &["approval/stray"],
    },
    Mutant {
        id: "one-name",
        defence: "one name has one set of bytes",
        edits: &[
            Edit {
                file: LOAD,
                find: "if let Some(loaded) = connectors.get(&name) {",
                replace: "if let Some(loaded) = connectors.get(&name).filter(|_| !{off}) {",
            },
            Edit {
                file: LOAD,
                find: "connectors.values().map(|other| Names::of(other))",
                replace: "connectors.values().filter(|_| !{off}).map(|other| Names::of(other))",
            },
        ],
        cases: &["load/same-name"],
    },
    Mutant {
        id: "cache-authentication",
        defence: "the compile cache is authenticated with this vault's key",
        edits: &[Edit {
            file: CACHE,
            find: "if hmac::verify(&self.key, &covered, tag).is_err() {",
            replace: "if !{off} && hmac::verify(&self.key, &covered, tag).is_err() {",
        }],
        cases: &["cache/swapped", "cache/foreign-key"],
    },
    Mutant {
        id: "cache-binding",
        defence: "an entry of the compile cache is bound to its component",
        edits: &[Edit {
            file: CACHE,
            find: r#"let mut covered = Covered(format!("toolkeep compile cache 1\0{digest}\0").into_bytes());"#,
            replace: r#"let digest = if {off} { "" } else { digest };
        let mut covered = Covered(format!("toolkeep compile cache 1\0{digest}\0").into_bytes());"#,
        }],
        cases: &["cache/swapped"],
    },
    Mutant {
        id: "cache-files",
        defence: "an entry of the compile cache is a private file of the owner",
        edits: &[Edit {
            file: CACHE,
            find: r#"        if !metadata.is_file()
            || !is_private(metadata.uid(), metadata.mode(), owner)
            || metadata.len() > MAX_ENTRY_BYTES
        {"#,
            replace: r#"        if !{off}
            && (!metadata.is_file()
                || !is_private(metadata.uid(), metadata.mode(), owner)
                || metadata.len() > MAX_ENTRY_BYTES)
        {"#,
        }],
        cases: &["cache/link", "cache/writable"],
    },
    Mutant {
        id: "cache-folder",
        defence: "the compile cache is the owner's alone",
        edits: &[Edit {
            file: CACHE,
            find: "if metadata.permissions().mode() & 0o077 != 0 {",
            replace: "if !{off} && metadata.permissions().mode() & 0o077 != 0 {",
        }],
        cases: &["cache/open"],
    },
];
