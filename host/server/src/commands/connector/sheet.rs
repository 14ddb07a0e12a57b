//! A capability sheet, and what changes between two of them, as a person reads them. All of it comes from a
//! component, so nothing in it may move a cursor.

use std::fmt::Write as _;

use toolkeep_host::{CapabilitySheet, CredentialKind, Effect, SheetDiff, ToolSheet};
use toolkeep_policy::Access;

use crate::commands::tools::argument_names;
use crate::failure::Failure;
use crate::output::{BOLD, DIM, GREEN, RED, printable, printable_lines};

/// The capability sheet as text.
pub(super) fn text(sheet: &CapabilitySheet) -> Result<String, Failure> {
    let mut out = String::new();
    write_sheet(&mut out, sheet).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(out)
}

/// What changes from the installed version, what widens first and marked.
pub(super) fn diff_text(before: &CapabilitySheet, diff: &SheetDiff) -> Result<String, Failure> {
    let mut out = String::new();
    write_diff(&mut out, before, diff).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(out)
}

fn write_diff(out: &mut String, before: &CapabilitySheet, diff: &SheetDiff) -> std::fmt::Result {
    heading(out, &format!("compared with {} {}, which is installed", before.name, printable(&before.version)))?;
    writeln!(out, "  {DIM}sha256 {}{DIM:#}", before.digest)?;
    if diff.changes.is_empty() {
        return writeln!(out, "  says the same of itself; the code is another");
    }
    for (effect, told, mark, style) in [
        (Effect::Widens, "may do more", "!", RED),
        (Effect::Narrows, "may do less", "-", GREEN),
        (Effect::Text, "reads differently", "~", DIM),
    ] {
        let mut changes = diff.of(effect).peekable();
        if changes.peek().is_some() {
            writeln!(out, "  {style}{told}{style:#}")?;
        }
        for change in changes {
            writeln!(out, "  {style}{mark}{style:#} {}", printable(&change.to_string()))?;
        }
    }
    Ok(())
}

fn write_sheet(out: &mut String, about: &CapabilitySheet) -> std::fmt::Result {
    writeln!(out, "{BOLD}{} {}{BOLD:#}  {}", about.name, printable(&about.version), printable(&about.title))?;
    writeln!(out, "{}", printable_lines(&about.description, ""))?;
    writeln!(out, "sha256 {}", about.digest)?;
    writeln!(out, "{} bytes", about.wasm_bytes)?;

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
        writeln!(out, "  {BOLD}{}{BOLD:#}  {}{repeat}  {}", tool.name, tool.access, printable(&tool.title))?;
        // What a model reads is approved with the rest, so it is shown with the rest.
        writeln!(out, "{}", printable_lines(&tool.description, "    | "))?;
        let arguments = argument_names(&tool.input_schema);
        if !arguments.is_empty() {
            writeln!(out, "    {DIM}arguments {}{DIM:#}", printable(&arguments))?;
        }
        if !tool.scopes.is_empty() {
            writeln!(out, "    {DIM}scopes {}{DIM:#}", printable(&tool.scopes.join(" ")))?;
        }
        for route in &tool.routes {
            writeln!(out, "    {route}")?;
        }
        if may_write(tool) {
            writeln!(out, "    {RED}says that it reads, and may send more than GET and HEAD{RED:#}")?;
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
    for import in &about.imports {
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

/// Some upstreams read by POST; that one really does, only its documentation can say.
fn may_write(tool: &ToolSheet) -> bool {
    tool.access == Access::Read && tool.routes.iter().any(|route| !route.method.is_safe())
}
