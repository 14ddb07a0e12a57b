//! Who calls, for whom, over which connection, and the record of it.

use crate::mutants::{Edit, Mutant};

const AUTHORIZE: &str = "host/runtime/src/call/authorize.rs";
const RUN: &str = "host/runtime/src/call/run.rs";
const GUARD: &str = "host/server/src/mcp/guard.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    // Tenancy and surfaces.
    Mutant {
        id: "tool-filter",
        defence: "a hidden tool cannot be called",
        edits: &[Edit {
            file: AUTHORIZE,
            find: "if !principal.tools.allows(&call.tool) {",
            replace: "if !{off} && !principal.tools.allows(&call.tool) {",
        }],
        cases: &["tenancy/hidden-tool"],
    },
    Mutant {
        id: "lease",
        defence: "a running call is cut when its connection ends",
        edits: &[Edit {
            file: "host/runtime/src/gate/lease.rs",
            find: "Ok(true) => return Ok(()),",
            replace: "Ok(_) if {off} => return Ok(()),\n            Ok(true) => return Ok(()),",
        }],
        cases: &["tenancy/revoked-during-call"],
    },
    Mutant {
        id: "vault-mark",
        defence: "what another process has ended is not remembered",
        edits: &[Edit {
            file: "host/vault/src/storage/memory.rs",
            find: "let marked = self.mark_anew();",
            replace: "let marked = if {off} { Ok(()) } else { self.mark_anew() };",
        }],
        cases: &["surface/revoked-key", "surface/revoked-credential"],
    },
    Mutant {
        id: "foreign-host",
        defence: "the listener answers to its own names",
        edits: &[Edit {
            file: GUARD,
            find: "if !self.hosts.iter().any(matches) {",
            replace: "if !{off} && !self.hosts.iter().any(matches) {",
        }],
        cases: &["surface/foreign-host"],
    },
    Mutant {
        id: "foreign-origin",
        defence: "no page of another origin calls the listener",
        edits: &[Edit {
            file: GUARD,
            find: "            if !known {\n                return Err(Refusal::OriginForeign);",
            replace: "            if !{off} && !known {\n                return Err(Refusal::OriginForeign);",
        }],
        cases: &["surface/foreign-origin"],
    },
    Mutant {
        id: "api-key",
        defence: "an API key is compared with what the vault keeps",
        edits: &[Edit {
            file: "host/vault/src/api_key.rs",
            find: "        constant_time::verify_slices_are_equal(hash.as_ref(), &row.hash).map_err(|_| VaultError::ApiKeyUnknown)?;",
            replace: "        if !{off} {\n            constant_time::verify_slices_are_equal(hash.as_ref(), &row.hash).map_err(|_| VaultError::ApiKeyUnknown)?;\n        }",
        }],
        cases: &["surface/key-almost-right"],
    },
    Mutant {
        id: "no-fallback",
        defence: "nobody borrows another user's connection",
        edits: &[Edit {
            file: AUTHORIZE,
            find: "parts.vault.resolve(&key).map_err(|source| {",
            replace: r#"let borrowed = |refused| match ("acme".parse(), "kim".parse()) {
        (Ok(tenant), Ok(user)) if {off} => parts.vault.resolve(&ConnectionKey { tenant, user, ..key.clone() }),
        _ => Err(refused),
    };
    parts.vault.resolve(&key).or_else(borrowed).map_err(|source| {"#,
        }],
        cases: &["tenancy/no-connection", "tenancy/other-tenant", "surface/other-users-key"],
    },
    Mutant {
        id: "connections-name",
        defence: "a connection is used by its name, or none",
        edits: &[Edit {
            file: AUTHORIZE,
            find: "        name: name.to_owned(),",
            replace: "        name: if {off} { toolkeep_vault::DEFAULT_NAME } else { name }.to_owned(),",
        }],
        cases: &["tenancy/other-connection-name"],
    },
    Mutant {
        id: "disconnect",
        defence: "a connection that ends is ended",
        edits: &[Edit {
            file: "host/vault/src/vault.rs",
            find: "let ended = self.inner.storage.disconnect(key, Timestamp::now().as_microsecond());",
            replace: "let ended = if {off} { Ok(true) } else { self.inner.storage.disconnect(key, Timestamp::now().as_microsecond()) };",
        }],
        cases: &["tenancy/revoked", "surface/revoked-credential"],
    },
    Mutant {
        id: "seals-binding",
        defence: "a stored credential opens only for whom and what it was stored",
        edits: &[Edit {
            file: "host/vault/src/seal.rs",
            find: r#"        length_prefixed(&parts)
"#,
            replace: r#"        if {off} { Vec::new() } else { length_prefixed(&parts) }
"#,
        }],
        cases: &["tenancy/copied-row"],
    },
    Mutant {
        id: "api-key-seal",
        defence: "what a key may do is sealed with it",
        edits: &[Edit {
            file: "host/vault/src/api_key.rs",
            find: "hmac::verify(&self.inner.api_key_seal, &sealed_fields(&row), &row.seal)",
            replace: r#"hmac::verify(&self.inner.api_key_seal, &sealed_fields(&row), &row.seal)
            .or_else(|refused| if {off} { Ok(()) } else { Err(refused) })"#,
        }],
        cases: &["surface/edited-key"],
    },
    Mutant {
        id: "revoked-key",
        defence: "a revoked key is no key",
        edits: &[Edit {
            file: "host/vault/src/api_key.rs",
            find: "let revoked = self.inner.storage.revoke_api_key(id, Timestamp::now().as_microsecond());",
            replace: "let revoked = if {off} { Ok(true) } else { self.inner.storage.revoke_api_key(id, Timestamp::now().as_microsecond()) };",
        }],
        cases: &["surface/revoked-key"],
    },
    Mutant {
        id: "no-key",
        defence: "a caller without a key is nobody",
        edits: &[Edit {
            file: GUARD,
            find: "let value = presented.next().ok_or(Refusal::KeyMissing)?;",
            replace: r#"let Some(value) = presented.next() else {
        return match ("acme".parse(), "kim".parse()) {
            (Ok(tenant), Ok(user)) if {off} => Ok(Principal::new(tenant, user)),
            _ => Err(Refusal::KeyMissing),
        };
    };"#,
        }],
        cases: &["surface/no-key"],
    },
    Mutant {
        id: "one-key",
        defence: "a request has one key",
        edits: &[Edit {
            file: GUARD,
            find: "    if presented.next().is_some() {",
            replace: "    if !{off} && presented.next().is_some() {",
        }],
        cases: &["surface/two-keys"],
    },
    Mutant {
        id: "key-in-url",
        defence: "a key in a URL does not work",
        edits: &[Edit {
            file: GUARD,
            find: "    if uri.query().is_some_and(",
            replace: "    if !{off} && uri.query().is_some_and(",
        }],
        cases: &["surface/key-in-url"],
    },
    Mutant {
        id: "intent",
        defence: "no record, no call",
        edits: &[Edit {
            file: "host/audit/src/log.rs",
            find: r#"        let written = self.write(row, Role::Opens(fields)).await?;
        let call = written.open.ok_or_else(stopped)?;"#,
            replace: r#"        let spare = if {off} { Some(fields.clone()) } else { None };
        let call = match (self.write(row, Role::Opens(fields)).await, spare) {
            (Ok(written), _) => written.open.ok_or_else(stopped)?,
            (Err(_), Some(fields)) => OpenCall::new(intent.call, 0, fields, Arc::clone(&self.inner.queue)),
            (Err(error), None) => return Err(error),
        };"#,
        }],
        cases: &["record/no-intent"],
    },
    Mutant {
        id: "outcome",
        defence: "no record, no answer",
        edits: &[Edit {
            file: RUN,
            find: "let _receipt = self.scoped_host.audit().finish(self.open, self.outcome).await?;",
            replace: r#"match self.scoped_host.audit().finish(self.open, self.outcome).await {
            Err(error) if !{off} => return Err(error.into()),
            _ => {}
        }"#,
        }],
        cases: &["record/no-outcome"],
    },
];
