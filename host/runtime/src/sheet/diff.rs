//! Comparing two capability sheets: what the newer one may do besides, what it gives up, and what only reads
//! differently. Pure: it looks at data, and decides nothing.

use std::collections::BTreeSet;
use std::fmt;

use semver::Version;
use serde::Serialize;
use serde_json::Value;

use super::{CapabilitySheet, ToolSheet};
use crate::description::{AccountField, Credential, CredentialKind, Origin, Prompt};

/// Longest text of a change that is shown, in bytes: a title fits, a description is cut. The sheets have it all.
const MAX_SHOWN_BYTES: usize = 200;

/// What a change does to what the connector may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It may do more, or the same with more.
    Widens,
    /// It may do less.
    Narrows,
    /// People and models read something else. What a model reads steers it, so it is worth reading too.
    Text,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it does.
    pub effect: Effect,
    /// Where: `tools.pagerduty_incidents_list.routes`, `origins.api.base`, `imports`.
    pub field: String,
    /// What was there; none where something came.
    pub before: Option<String>,
    /// What is there now; none where something went.
    pub after: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (None, Some(after)) => write!(f, "{}: + {after}", self.field),
            (Some(before), None) => write!(f, "{}: - {before}", self.field),
            (Some(before), Some(after)) => write!(f, "{}: {before} -> {after}", self.field),
            (None, None) => f.write_str(&self.field),
        }
    }
}

/// Every difference between two sheets, what widens first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SheetDiff {
    /// The differences.
    pub changes: Vec<Change>,
}

impl SheetDiff {
    /// Whether the newer sheet may do anything that the older one might not.
    #[must_use]
    pub fn widens(&self) -> bool {
        self.of(Effect::Widens).next().is_some()
    }

    /// The changes with one effect.
    pub fn of(&self, effect: Effect) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.effect == effect)
    }

    fn put(&mut self, effect: Effect, field: impl Into<String>, before: Option<&str>, after: Option<&str>) {
        let shown = |text: &str| crate::text::clean_line(text, MAX_SHOWN_BYTES);
        self.changes.push(Change { effect, field: field.into(), before: before.map(shown), after: after.map(shown) });
    }

    /// A set of which every member allows something.
    fn set<T: Ord + ToString>(&mut self, field: &str, before: BTreeSet<T>, after: &BTreeSet<T>) {
        for came in after.difference(&before) {
            self.put(Effect::Widens, field, None, Some(&came.to_string()));
        }
        for went in before.difference(after) {
            self.put(Effect::Narrows, field, Some(&went.to_string()), None);
        }
    }

    /// A value that says who or what is reached, so that any other one reaches something new.
    fn other(&mut self, field: &str, before: &str, after: &str) {
        if before != after {
            self.put(Effect::Widens, field, Some(before), Some(after));
        }
    }

    fn text(&mut self, field: &str, before: &str, after: &str) {
        if before != after {
            self.put(Effect::Text, field, Some(before), Some(after));
        }
    }
}

fn texts<'a>(values: impl IntoIterator<Item = &'a String>) -> BTreeSet<&'a str> {
    values.into_iter().map(String::as_str).collect()
}

fn printed<T: ToString>(values: &[T]) -> BTreeSet<String> {
    values.iter().map(ToString::to_string).collect()
}

/// The members of both lists under one name, with what only one of them has.
fn paired<'a, T>(
    before: &'a [T],
    after: &'a [T],
    name: impl Fn(&T) -> String,
) -> Vec<(String, Option<&'a T>, Option<&'a T>)> {
    let names: BTreeSet<String> = before.iter().chain(after).map(&name).collect();
    let find = |list: &'a [T], wanted: &String| list.iter().find(|item| name(item) == *wanted);
    names.into_iter().map(|wanted| (wanted.clone(), find(before, &wanted), find(after, &wanted))).collect()
}

pub(super) fn diff(before: &CapabilitySheet, after: &CapabilitySheet) -> SheetDiff {
    let mut out = SheetDiff::default();
    out.set("imports", texts(&before.imports), &texts(&after.imports));
    for (name, before, after) in paired(&before.origins, &after.origins, |origin| origin.name.clone()) {
        origin(&mut out, &format!("origins.{name}"), before, after);
    }
    for (kind, before, after) in
        paired(&before.credentials, &after.credentials, |credential| kind(credential).to_owned())
    {
        credential(&mut out, &format!("credentials.{kind}"), before, after);
    }
    out.set("identification.scopes", texts(&before.identification.scopes), &texts(&after.identification.scopes));
    out.set("identification.routes", printed(&before.identification.routes), &printed(&after.identification.routes));
    for (name, before, after) in paired(&before.tools, &after.tools, |tool| tool.name.clone()) {
        tool(&mut out, &format!("tools.{name}"), before, after);
    }
    for (name, before, after) in paired(&before.prompts, &after.prompts, |prompt| prompt.name.clone()) {
        prompt(&mut out, &format!("prompts.{name}"), before, after);
    }
    version(&mut out, &before.version, &after.version);
    out.other("name", &before.name, &after.name);
    out.text("title", &before.title, &after.title);
    out.text("description", &before.description, &after.description);
    out.changes.sort_by_key(|change| change.effect);
    out
}

/// A lower version is how a mistake that was mended comes back.
fn version(out: &mut SheetDiff, before: &str, after: &str) {
    let parsed = |text: &str| Version::parse(text).ok();
    match (parsed(before), parsed(after)) {
        _ if before == after => {}
        (Some(old), Some(new)) if new < old => {
            out.put(Effect::Widens, "version (a step back)", Some(before), Some(after));
        }
        _ => out.put(Effect::Text, "version", Some(before), Some(after)),
    }
}

fn account_field(field: AccountField) -> &'static str {
    match field {
        AccountField::Id => "id",
        AccountField::Name => "name",
        AccountField::Email => "email",
    }
}

fn origin(out: &mut SheetDiff, at: &str, before: Option<&Origin>, after: Option<&Origin>) {
    let bases = |origin: &Origin| {
        std::iter::once(&origin.base)
            .chain(&origin.alternatives)
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => (before, after),
        (Some(before), None) => return out.put(Effect::Narrows, at, Some(&bases(before)), None),
        (None, Some(after)) => {
            out.put(Effect::Widens, at, None, Some(&bases(after)));
            let none = Origin {
                request_headers: Vec::new(),
                response_headers: Vec::new(),
                account_headers: Vec::new(),
                ..after.clone()
            };
            return headers(out, at, &none, after);
        }
        (None, None) => return,
    };
    out.other(&format!("{at}.base"), &before.base.to_string(), &after.base.to_string());
    out.set(&format!("{at}.alternatives"), printed(&before.alternatives), &printed(&after.alternatives));
    headers(out, at, before, after);
}

fn headers(out: &mut SheetDiff, at: &str, before: &Origin, after: &Origin) {
    out.set(&format!("{at}.request_headers"), texts(&before.request_headers), &texts(&after.request_headers));
    out.set(&format!("{at}.response_headers"), texts(&before.response_headers), &texts(&after.response_headers));
    let account = |origin: &Origin| -> BTreeSet<String> {
        let told = |header: &crate::AccountHeader| format!("{} = {}", header.name, account_field(header.field));
        origin.account_headers.iter().map(told).collect()
    };
    out.set(&format!("{at}.account_headers"), account(before), &account(after));
}

fn kind(credential: &Credential) -> &'static str {
    match credential.kind {
        CredentialKind::OAuth2 { .. } => "oauth2",
        CredentialKind::ApiKey { .. } => "api_key",
    }
}

fn credential(out: &mut SheetDiff, at: &str, before: Option<&Credential>, after: Option<&Credential>) {
    let place =
        |credential: &Credential| format!("{} at {}: {}•", credential.header, credential.origin, credential.prefix);
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => (before, after),
        (Some(before), None) => return out.put(Effect::Narrows, at, Some(&place(before)), None),
        (None, Some(after)) => {
            out.put(Effect::Widens, at, None, Some(&place(after)));
            if let CredentialKind::OAuth2 { scopes, .. } = &after.kind {
                out.set(&format!("{at}.scopes"), BTreeSet::new(), &texts(scopes));
            }
            return;
        }
        (None, None) => return,
    };
    out.other(&format!("{at}.sent"), &place(before), &place(after));
    match (&before.kind, &after.kind) {
        (
            CredentialKind::OAuth2 {
                authorize_url: old_authorize,
                token_url: old_token,
                revoke_url: old_revoke,
                scopes: old,
            },
            CredentialKind::OAuth2 { authorize_url, token_url, revoke_url, scopes },
        ) => {
            out.other(&format!("{at}.authorize_url"), old_authorize, authorize_url);
            out.other(&format!("{at}.token_url"), old_token, token_url);
            out.set(&format!("{at}.revoke_url"), texts(old_revoke), &texts(revoke_url));
            out.set(&format!("{at}.scopes"), texts(old), &texts(scopes));
        }
        (CredentialKind::ApiKey { hint: old }, CredentialKind::ApiKey { hint }) => {
            out.text(&format!("{at}.hint"), old, hint);
        }
        // They were paired by their kind.
        _ => out.other(&format!("{at}.kind"), kind(before), kind(after)),
    }
}

fn tool(out: &mut SheetDiff, at: &str, before: Option<&ToolSheet>, after: Option<&ToolSheet>) {
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => (before, after),
        (Some(before), None) => return out.put(Effect::Narrows, at, Some(before.access.as_str()), None),
        (None, Some(after)) => {
            out.put(Effect::Widens, at, None, Some(after.access.as_str()));
            out.set(&format!("{at}.routes"), BTreeSet::new(), &printed(&after.routes));
            // What it needs of the credential is a limit of the tool, and still news to whoever grants it.
            return out.set(&format!("{at}.scopes"), BTreeSet::new(), &texts(&after.scopes));
        }
        (None, None) => return,
    };
    if before.access != after.access {
        let effect = if after.access > before.access { Effect::Widens } else { Effect::Narrows };
        out.put(effect, format!("{at}.access"), Some(before.access.as_str()), Some(after.access.as_str()));
    }
    if before.idempotent != after.idempotent {
        // A client that believes it may repeat a call does so.
        let effect = if after.idempotent { Effect::Widens } else { Effect::Narrows };
        let told = |idempotent: bool| if idempotent { "idempotent" } else { "not idempotent" };
        out.put(effect, format!("{at}.idempotent"), Some(told(before.idempotent)), Some(told(after.idempotent)));
    }
    out.set(&format!("{at}.routes"), printed(&before.routes), &printed(&after.routes));
    out.set(&format!("{at}.scopes"), texts(&before.scopes), &texts(&after.scopes));
    out.text(&format!("{at}.title"), &before.title, &after.title);
    out.text(&format!("{at}.description"), &before.description, &after.description);
    schema(out, &format!("{at}.input_schema"), Some(&before.input_schema), Some(&after.input_schema));
    schema(out, &format!("{at}.output_schema"), before.output_schema.as_ref(), after.output_schema.as_ref());
}

/// Arguments and answers in between caller and connector: neither reaches further than its routes.
fn schema(out: &mut SheetDiff, at: &str, before: Option<&Value>, after: Option<&Value>) {
    if before != after {
        let (before, after) = (before.map(Value::to_string), after.map(Value::to_string));
        out.put(Effect::Text, at, before.as_deref(), after.as_deref());
    }
}

fn prompt(out: &mut SheetDiff, at: &str, before: Option<&Prompt>, after: Option<&Prompt>) {
    if before == after {
        return;
    }
    let told = |prompt: &Prompt| format!("{}: {}", prompt.title, prompt.text);
    out.put(Effect::Text, at, before.map(told).as_deref(), after.map(told).as_deref());
}

#[cfg(test)]
mod tests;
