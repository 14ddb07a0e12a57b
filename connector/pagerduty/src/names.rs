//! From what people call a thing to its PagerDuty identifier.
//!
//! An exact name wins, whatever its case. Otherwise one thing that the name fits is taken; several are
//! handed back as candidates, because guessing which team to page is worse than asking.

use serde_json::json;
use toolkeep_connector::{Context, Paging, ToolError, quote};

use crate::wire::{Named, ServiceAnswer, UserAnswer};

/// Names in one list argument: each may cost a request.
pub(crate) const NAMES_MAX: usize = 10;
/// Candidates handed back: more than a person would choose from.
const CANDIDATES_MAX: usize = 10;

/// Things that have names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Service,
    Team,
    User,
    EscalationPolicy,
    Schedule,
}

impl Kind {
    fn path(self) -> &'static str {
        match self {
            Self::Service => "/services",
            Self::Team => "/teams",
            Self::User => "/users",
            Self::EscalationPolicy => "/escalation_policies",
            Self::Schedule => "/schedules",
        }
    }
    fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Team => "team",
            Self::User => "user",
            Self::EscalationPolicy => "escalation policy",
            Self::Schedule => "schedule",
        }
    }
}

impl Named {
    fn label(&self) -> &str {
        self.name.as_deref().or(self.summary.as_deref()).unwrap_or_default()
    }
}

/// Splits a comma-separated argument; empty pieces fall out.
pub(crate) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|piece| !piece.is_empty())
}

/// Identifiers of everything in a comma-separated list of names and identifiers.
pub(crate) fn identifiers(context: &mut Context, kind: Kind, list: Option<&str>) -> Result<Vec<String>, ToolError> {
    let names: Vec<&str> = list.map(|list| split(list).collect()).unwrap_or_default();
    if names.len() > NAMES_MAX {
        return Err(ToolError::InvalidArguments(format!("Name at most {NAMES_MAX} of one kind ({}).", kind.word())));
    }
    names.into_iter().map(|name| identifier(context, kind, name)).collect()
}

/// The identifier of a thing by its name or identifier.
pub(crate) fn identifier(context: &mut Context, kind: Kind, text: &str) -> Result<String, ToolError> {
    let text = text.trim();
    if kind == Kind::User && text.eq_ignore_ascii_case("me") {
        return me(context);
    }
    if looks_like_identifier(text) && text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    find(context, kind, text)?.id.ok_or_else(|| missing(kind, text))
}

/// The escalation policy of a service: who is on call for it.
pub(crate) fn policy_of_service(context: &mut Context, text: &str) -> Result<(String, String), ToolError> {
    let text = text.trim();
    let found = if looks_like_identifier(text) && text.bytes().any(|byte| byte.is_ascii_digit()) {
        let answer: ServiceAnswer = match context.get("/services/{id}").path("id", text).fetch() {
            Err(ToolError::NotFound(_)) => return Err(missing(Kind::Service, text)),
            other => other?,
        };
        answer.service.unwrap_or_default()
    } else {
        find(context, Kind::Service, text)?
    };
    let name = found.label().to_owned();
    match found.escalation_policy.and_then(|policy| policy.id) {
        Some(id) => Ok((id, name)),
        None => Err(ToolError::NotFound(format!(
            "The service {} has no escalation policy, so nobody is on call for it.",
            quote(&name)
        ))),
    }
}

/// The user behind the connection.
fn me(context: &mut Context) -> Result<String, ToolError> {
    if let Some(account) = context.account() {
        return Ok(account.id);
    }
    let answer: UserAnswer = context.get("/users/me").fetch()?;
    answer
        .user
        .and_then(|user| user.id)
        .ok_or_else(|| ToolError::Other("PagerDuty did not say which user this credential belongs to.".into()))
}

/// PagerDuty's identifiers: `P` and six or more, or `Q` and thirteen, capitals and digits.
pub(crate) fn looks_like_identifier(text: &str) -> bool {
    (7..=14).contains(&text.len())
        && text.starts_with(['P', 'Q'])
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn find(context: &mut Context, kind: Kind, text: &str) -> Result<Named, ToolError> {
    let mut tried: Vec<String> = Vec::new();
    for query in queries(kind, text) {
        let mut rows: Vec<Named> = Vec::new();
        let key = kind.path().trim_start_matches('/');
        let first_page = Paging { pages_max: 1, ..Paging::USUAL };
        context.get(kind.path()).query("query", &query).pages(key, first_page, |_, page| {
            rows.extend(page.rows);
            std::ops::ControlFlow::Break(())
        })?;
        if let Some(found) = choose(kind, text, rows)? {
            return Ok(found);
        }
        tried.push(query);
    }
    if looks_like_identifier(text) {
        return Ok(Named { id: Some(text.to_owned()), ..Named::default() });
    }
    Err(missing(kind, text))
}

/// What to search for: the text as it is, then without its kind ("Platform team"), then its longest word,
/// since the upstream's search knows nothing of "payment service" being `payment-service`.
fn queries(kind: Kind, text: &str) -> Vec<String> {
    let mut queries = vec![text.to_owned()];
    let mut add = |query: &str| {
        if !query.is_empty() && !queries.iter().any(|known| known.eq_ignore_ascii_case(query)) {
            queries.push(query.to_owned());
        }
    };
    let bare = without_kind(kind, text);
    add(&bare);
    let longest = bare.split(|character: char| !character.is_alphanumeric()).max_by_key(|word| word.len());
    add(longest.unwrap_or_default());
    queries
}

fn without_kind(kind: Kind, text: &str) -> String {
    let lower = text.to_lowercase();
    for word in [kind.word(), "policy"] {
        if let Some(bare) = lower.strip_suffix(word).map(str::trim_end).filter(|bare| !bare.is_empty()) {
            // Lower-casing may change lengths, so the bare text itself is lower case; search ignores case.
            return bare.to_owned();
        }
        if let Some(bare) = lower.strip_prefix(word).map(str::trim_start).filter(|bare| !bare.is_empty()) {
            return bare.to_owned();
        }
    }
    text.to_owned()
}

/// Letters and digits in lower case: `Payment Service` and `payment-service` are one name.
fn plain(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Picks from what a search found: exact, then equal but for spelling, then the only one that it fits.
pub(crate) fn choose(kind: Kind, text: &str, rows: Vec<Named>) -> Result<Option<Named>, ToolError> {
    let lower = text.to_lowercase();
    let wanted = plain(text);
    let bare = plain(&without_kind(kind, text));
    let is_email = |row: &Named| row.email.as_deref().is_some_and(|email| email.eq_ignore_ascii_case(text));
    let tests: [&dyn Fn(&Named) -> bool; 4] = [
        &|row| row.label().to_lowercase() == lower || is_email(row),
        &|row| plain(row.label()) == wanted,
        &|row| plain(row.label()) == bare,
        &|row| {
            !bare.is_empty()
                && (plain(row.label()).contains(&bare)
                    || row.email.as_deref().is_some_and(|email| plain(email).contains(&bare)))
        },
    ];
    for test in tests {
        let mut fitting = rows.iter().filter(|row| row.id.is_some() && test(row));
        let Some(first) = fitting.next() else { continue };
        if fitting.next().is_none() {
            return Ok(Some(first.clone()));
        }
        return Err(ambiguous(kind, text, rows.iter().filter(|row| test(row))));
    }
    Ok(None)
}

fn ambiguous<'a>(kind: Kind, text: &str, rows: impl Iterator<Item = &'a Named>) -> ToolError {
    let candidates: Vec<_> = rows
        .take(CANDIDATES_MAX)
        .map(|row| match &row.email {
            Some(email) => json!({"id": row.id, "name": row.label(), "email": email}),
            None => json!({"id": row.id, "name": row.label()}),
        })
        .collect();
    let message = format!("{} fits more than one {}. Call again with one of these IDs.", quote(text), kind.word());
    ToolError::Ambiguous(json!({"message": message, "candidates": candidates}).to_string())
}

fn missing(kind: Kind, text: &str) -> ToolError {
    let help = match kind {
        Kind::Service => " pagerduty_services_list shows the services.",
        _ => "",
    };
    ToolError::NotFound(format!(
        "PagerDuty has no {} called {} that this user may see.{help}",
        kind.word(),
        quote(text)
    ))
}
