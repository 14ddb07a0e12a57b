//! `toolkeep connector inspect`: what a component is and may do, before anybody trusts it.

use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use toolkeep_audit::AuditLog;
use toolkeep_host::{Connector, CredentialKind, Host, Limits};
use toolkeep_vault::Vault;

use crate::cli::{Global, Inspect};
use crate::failure::{Exit, Failure};
use crate::output::{self, BOLD, DIM, printable, printable_lines};

/// Runs the command. It touches no data directory: a component is looked at, not installed.
///
/// # Errors
/// The file cannot be read, or is not a connector; the text says which rule it breaks.
pub(crate) async fn inspect(_: &Global, options: Inspect) -> Result<(), Failure> {
    let limits = Limits::default();
    let wasm = read(&options.file, limits.component_bytes)?;
    let vault = Vault::in_memory().map_err(|error| crate::keep::vault_failure(&error))?;
    let audit =
        AuditLog::in_memory(vault.derive_key("audit digests")).map_err(|error| crate::keep::audit_failure(&error))?;
    let host = Host::builder(Arc::new(vault), audit).build().map_err(|error| refuse(&options.file, &error))?;
    let connector = host.inspect(&wasm).await.map_err(|error| refuse(&options.file, &error))?;
    if options.json {
        return output::json(&connector.sheet());
    }
    output::text(sheet(&connector)?.trim_end())
}

fn refuse(file: &Path, error: &toolkeep_host::HostError) -> Failure {
    Failure::new(Exit::Failed, error.code(), format!("{}: {error}", file.display()))
        .next("build it again from sources that you trust; nothing was loaded")
}

fn read(file: &Path, limit_bytes: usize) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::usage(format!("cannot read {}: {error}", file.display()));
    let opened = std::fs::File::open(file).map_err(unreadable)?;
    let mut wasm = Vec::new();
    // One byte more than is allowed, so that the host can tell that it is too large.
    opened.take(limit_bytes as u64 + 1).read_to_end(&mut wasm).map_err(unreadable)?;
    Ok(wasm)
}

/// The capability sheet as text. All of it comes from the component, so nothing in it may move a cursor.
fn sheet(connector: &Connector) -> Result<String, Failure> {
    let mut out = String::new();
    write_sheet(&mut out, connector).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(out)
}

fn write_sheet(out: &mut String, connector: &Connector) -> std::fmt::Result {
    let about = &connector.description;
    writeln!(out, "{BOLD}{} {}{BOLD:#}  {}", about.name, printable(&about.version), printable(&about.title))?;
    writeln!(out, "{}", printable_lines(&about.description, ""))?;
    writeln!(out, "sha256 {}", connector.digest)?;
    writeln!(out, "{} bytes", connector.wasm_bytes)?;

    heading(out, "talks to")?;
    for origin in &about.origins {
        writeln!(out, "  {}: {}", origin.name, origin.base)?;
        for base in &origin.alternatives {
            writeln!(out, "    or {base}")?;
        }
        list(out, "may set", &origin.request_headers)?;
        list(out, "may see", &origin.response_headers)?;
        for header in &origin.account_headers {
            let field = format!("{:?}", header.field).to_lowercase();
            writeln!(out, "    the host sets {} to the account's {field}", header.name)?;
        }
    }

    heading(out, "credential, never seen by the connector")?;
    for credential in &about.credentials {
        let kind = match &credential.kind {
            CredentialKind::OAuth2 { scopes, .. } => format!("OAuth 2.0 ({})", scopes.join(" ")),
            CredentialKind::ApiKey { hint } => format!("API key: {}", printable(hint)),
        };
        let (header, prefix) = (&credential.header, printable(&credential.prefix));
        writeln!(out, "  {kind}\n    {DIM}sent to {} as {header}: {prefix}••••{DIM:#}", credential.origin)?;
    }

    heading(out, "tools, and the only requests that each may make")?;
    for tool in &about.tools {
        let repeat = if tool.idempotent { ", idempotent" } else { "" };
        writeln!(out, "  {BOLD}{}{BOLD:#}  {}{repeat}", tool.name, tool.access)?;
        if !tool.scopes.is_empty() {
            writeln!(out, "    {DIM}scopes {}{DIM:#}", printable(&tool.scopes.join(" ")))?;
        }
        for route in &tool.routes {
            writeln!(out, "    {route}")?;
        }
    }

    heading(out, "when a user connects")?;
    for route in &about.identification.routes {
        writeln!(out, "  {route}")?;
    }

    if !about.prompts.is_empty() {
        heading(out, "prompts")?;
        for prompt in &about.prompts {
            writeln!(out, "  {}\n{DIM}{}{DIM:#}", prompt.name, printable_lines(&prompt.text, "    "))?;
        }
    }

    heading(out, "imports")?;
    for import in &connector.imports {
        writeln!(out, "  {}", printable(import))?;
    }
    Ok(())
}

fn heading(out: &mut String, text: &str) -> std::fmt::Result {
    writeln!(out, "\n{BOLD}{text}{BOLD:#}")
}

fn list(out: &mut String, what: &str, names: &[String]) -> std::fmt::Result {
    if names.is_empty() { Ok(()) } else { writeln!(out, "    {what} {}", names.join(", ")) }
}
