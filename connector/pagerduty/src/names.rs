//! From what people call a thing to its PagerDuty identifier.
//!
//! An exact name wins, whatever its case. Otherwise one thing that the name fits is taken; several are
//! handed back as candidates, because guessing which team to page is worse than asking. A write takes exact
//! names only. What looks like an identifier is looked up too: a filter by one that does not exist would find
//! nothing, and nothing looks like good news.

use serde::Serialize;
use toolkeep_connector::{Context, Paging, ToolError, json, quote};

use crate::gather::each_page;
use crate::wire::{Named, One, Reference, labels};

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
    fn path_of_one(self) -> &'static str {
        match self {
            Self::Service => "/services/{id}",
            Self::Team => "/teams/{id}",
            Self::User => "/users/{id}",
            Self::EscalationPolicy => "/escalation_policies/{id}",
            Self::Schedule => "/schedules/{id}",
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

/// The names of a comma-separated argument, unless they are too many.
pub(crate) fn several(kind: Kind, list: Option<&str>) -> Result<Vec<&str>, ToolError> {
    let names: Vec<&str> = list.map(|list| split(list).collect()).unwrap_or_default();
    if names.len() > NAMES_MAX {
        return Err(ToolError::InvalidArguments(format!("Name at most {NAMES_MAX} of one kind ({}).", kind.word())));
    }
    Ok(names)
}

/// Identifiers of everything in a comma-separated list of names and identifiers.
pub(crate) fn identifiers(context: &mut Context, kind: Kind, list: Option<&str>) -> Result<Vec<String>, ToolError> {
    let mut identifiers = Vec::new();
    for name in several(kind, list)? {
        identifiers.push(match kind == Kind::User && name.eq_ignore_ascii_case("me") {
            true => me(context)?,
            false => identifier(context, kind, name, false)?,
        });
    }
    Ok(identifiers)
}

/// The identifier of a thing by its name or identifier; `exact`: by nothing less than its whole name.
pub(crate) fn identifier(context: &mut Context, kind: Kind, text: &str, exact: bool) -> Result<String, ToolError> {
    find(context, kind, text, exact)?.id.ok_or_else(|| missing(kind, text))
}

/// The escalation policy of a service: who is on call for it.
pub(crate) fn policy_of_service(context: &mut Context, text: &str) -> Result<String, ToolError> {
    let found = find(context, Kind::Service, text, false)?;
    let name = quote(found.label());
    found.escalation_policy.and_then(|policy| policy.id).ok_or_else(|| {
        ToolError::NotFound(format!("The service {name} has no escalation policy, so nobody is on call for it."))
    })
}

/// The user behind the connection. The account of an account-level key is what the operator wrote down, and
/// no user's identifier: then PagerDuty is asked, and says that there is none.
fn me(context: &mut Context) -> Result<String, ToolError> {
    if let Some(account) = context.account().filter(|account| looks_like_identifier(&account.id)) {
        return Ok(account.id);
    }
    let user = match context.get("/users/me").fetch::<One>() {
        Err(ToolError::InvalidArguments(_) | ToolError::NotFound(_)) => None,
        other => other?.user.and_then(|user| user.id),
    };
    user.ok_or_else(|| {
        ToolError::InvalidArguments(
            "me means nobody here: this PagerDuty credential belongs to an account, not to a user. Give the user's name, email or ID.".into(),
        )
    })
}

/// The account's priorities.
pub(crate) fn priorities(context: &mut Context) -> Result<Vec<Reference>, ToolError> {
    let answer: One = context.get("/priorities").fetch()?;
    Ok(answer.priorities.unwrap_or_default())
}

/// The identifier of a priority by its name or identifier.
pub(crate) fn priority(known: &[Reference], text: &str) -> Result<String, ToolError> {
    let found = known.iter().find(|priority| {
        [&priority.name, &priority.summary, &priority.id]
            .into_iter()
            .any(|name| name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(text)))
    });
    found.and_then(|priority| priority.id.clone()).ok_or_else(|| {
        ToolError::InvalidArguments(format!(
            "PagerDuty has no priority called {}. This account's are: {}.",
            quote(text),
            listed(labels(Some(known)))
        ))
    })
}

/// Quoted names, the first of them.
pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names = names.take(CANDIDATES_MAX).map(quote).collect::<Vec<_>>().join(", ");
    if names.is_empty() { "none".to_owned() } else { names }
}

/// PagerDuty's identifiers: `P` and six or more, or `Q` and thirteen, capitals and digits.
pub(crate) fn looks_like_identifier(text: &str) -> bool {
    (7..=14).contains(&text.len())
        && text.starts_with(['P', 'Q'])
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// What has exactly this identifier.
fn by_identifier(context: &mut Context, kind: Kind, id: &str) -> Result<Option<Named>, ToolError> {
    match context.get(kind.path_of_one()).path("id", id).fetch::<One>() {
        Ok(one) => {
            let found = one.service.or(one.team).or(one.user).or(one.escalation_policy).or(one.schedule);
            Ok(found.filter(|found| found.id.is_some()))
        }
        Err(ToolError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn find(context: &mut Context, kind: Kind, text: &str, exact: bool) -> Result<Named, ToolError> {
    if looks_like_identifier(text) {
        match by_identifier(context, kind, text) {
            // A write names what it writes to, and PagerDuty refuses it if there is no such thing.
            Err(ToolError::Forbidden(_)) if exact => {
                return Ok(Named { id: Some(text.to_owned()), ..Named::default() });
            }
            found => {
                if let Some(found) = found? {
                    return Ok(found);
                }
            }
        }
    }
    for query in queries(kind, text) {
        let mut rows: Vec<Named> = Vec::new();
        let key = kind.path().trim_start_matches('/');
        let first_page = Paging { pages_max: 1, ..Paging::USUAL };
        each_page::<Named>(context.get(kind.path()).query("query", &query), key, first_page, &mut |page| {
            rows.extend(page.rows);
            std::ops::ControlFlow::Break(())
        })?;
        if let Some(found) = choose(kind, text, rows, exact)? {
            return Ok(found);
        }
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

/// Picks from what a search found: exact, then equal but for spelling, then the only one that it fits. If only
/// the exact one will do, the others are candidates.
pub(crate) fn choose(kind: Kind, text: &str, rows: Vec<Named>, exact: bool) -> Result<Option<Named>, ToolError> {
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
    for (place, test) in tests.into_iter().enumerate() {
        let mut fitting = rows.iter().filter(|row| row.id.is_some() && test(row));
        let Some(first) = fitting.next() else { continue };
        if fitting.next().is_none() && (place == 0 || !exact) {
            return Ok(Some(first.clone()));
        }
        return Err(ambiguous(kind, text, rows.iter().filter(|row| test(row))));
    }
    Ok(None)
}

/// Which one was meant?
#[derive(Serialize)]
struct Question<'a> {
    message: String,
    candidates: Vec<Candidate<'a>>,
}

#[derive(Serialize)]
struct Candidate<'a> {
    id: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

fn ambiguous<'a>(kind: Kind, text: &str, rows: impl Iterator<Item = &'a Named>) -> ToolError {
    let candidates = rows
        .take(CANDIDATES_MAX)
        .map(|row| Candidate { id: row.id.as_deref(), name: row.label(), email: row.email.as_deref() })
        .collect();
    let message = format!(
        "{} is not exactly the name of one {}. Call again with the ID or the whole name of the one meant.",
        quote(text),
        kind.word()
    );
    match json::write(&Question { message, candidates }) {
        Ok(question) => ToolError::Ambiguous(question.into_string()),
        Err(error) => error.into(),
    }
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
