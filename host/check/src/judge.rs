//! What one case shows: where a canary was seen, and what the connector did against the contract.

use hostile_upstream::{Behaviour, ReceivedRequest};
use toolkeep_host::{CallError, Content, ToolError};

use crate::finder::{Finder, Hit};
use crate::plan;
use crate::report::{Case, Finding, Findings};
use crate::stage::{Given, Outcome, User};

/// The findings of a check, by what they mean.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    pub(crate) leaks: Findings,
    pub(crate) faults: Findings,
    pub(crate) warnings: Findings,
    pub(crate) known_limits: Findings,
}

/// How a call ended, as coverage counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// An answer.
    Answer,
    /// An error of the tool's own.
    ToolError,
    /// The tool took the arguments for invalid, which its schema allows.
    RefusedByTool,
    /// The host took the arguments for invalid: the schema does not allow them.
    RefusedBySchema,
    /// Anything else.
    Other,
}

/// Judges one case.
pub(crate) fn judge(
    case: &Case,
    behaviour: &Behaviour,
    outcome: &Outcome,
    user: &User,
    finder: &Finder,
    lists: &mut Lists,
) -> End {
    let mut leak = |place: &'static str, hit: &Hit| {
        let whole = if hit.is_whole { "the credential" } else { "a piece of the credential" };
        let what = format!("{whole} was seen in the {place} ({})", hit.form);
        // The same place in the same form after the same family of answers is the same leak.
        let key = format!("{place} {} {}", hit.form, case.upstream.split('-').next().unwrap_or_default());
        let (code, list) = if plan::is_transformation(behaviour) {
            ("transformed_echo", &mut lists.known_limits)
        } else {
            ("credential_leaked", &mut lists.leaks)
        };
        list.add(key, Finding::new(code, what).at(place).in_case(case));
    };
    for (place, bytes) in places(outcome) {
        if let Some(hit) = finder.find(&bytes) {
            leak(place, &hit);
        }
    }
    for hit in &outcome.seen.memory_hits {
        leak("guest memory", hit);
    }
    for request in &outcome.requests {
        for (place, hit) in in_request(request, user, finder) {
            leak(place, &hit);
        }
    }
    for request in &outcome.requests {
        if let Some(finding) = request_fault(request, user) {
            lists.faults.add(finding.code.to_owned(), finding.in_case(case));
        }
    }
    end(case, behaviour, outcome, lists)
}

/// Everything that somebody but the upstream gets to see of a case.
fn places(outcome: &Outcome) -> Vec<(&'static str, Vec<u8>)> {
    let mut places: Vec<(&'static str, Vec<u8>)> = Vec::new();
    let mut add = |place, bytes: &[u8]| places.push((place, bytes.to_vec()));
    match &outcome.result {
        Ok(Given::Answer(answer)) => {
            if let Some(structured) = &answer.structured {
                add("answer", structured.get().as_bytes());
            }
            for content in &answer.content {
                match content {
                    Content::Text(text) => add("answer", text.as_bytes()),
                    Content::Image { mime_type, data } | Content::Audio { mime_type, data } => {
                        add("answer", mime_type.as_bytes());
                        add("answer", data);
                    }
                    Content::Attachment { uri, mime_type, data } => {
                        add("answer", uri.as_bytes());
                        add("answer", mime_type.as_bytes());
                        add("answer", data);
                    }
                }
            }
        }
        Ok(Given::Account(account)) => add("answer", format!("{account:?}").as_bytes()),
        Err(error) => {
            let details = error.details().map(|details| details.to_string()).unwrap_or_default();
            add("error", error.public_message().as_bytes());
            add("error", details.as_bytes());
            add("error", format!("{error}\n{error:?}").as_bytes());
        }
    }
    add("log", &outcome.seen.log);
    for message in &outcome.seen.progress {
        add("progress", message.as_bytes());
    }
    for exchange in &outcome.seen.exchanges {
        add("exchange as observers see it", exchange.as_bytes());
    }
    for record in &outcome.records {
        add("audit record", record.content.to_string().as_bytes());
    }
    places
}

/// Canaries in a request, beside the header that may carry one.
fn in_request(request: &ReceivedRequest, user: &User, finder: &Finder) -> Vec<(&'static str, Hit)> {
    let mut hits = Vec::new();
    let mut look = |place, bytes: &[u8]| hits.extend(finder.find(bytes).map(|hit| (place, hit)));
    if request.followed_redirect {
        for (name, value) in &request.headers {
            look("request to where a redirect led", name.as_bytes());
            look("request to where a redirect led", value);
        }
    }
    look("request target", request.target.as_bytes());
    look("request body", &request.body);
    for (name, value) in &request.headers {
        let is_its_own = user.credential.as_ref().is_some_and(|(header, _)| name.eq_ignore_ascii_case(header));
        look("name of a request header", name.as_bytes());
        if !is_its_own {
            look("another request header", value);
        }
    }
    hits
}

/// What is wrong with a request by itself.
fn request_fault(request: &ReceivedRequest, user: &User) -> Option<Finding> {
    if request.followed_redirect {
        let what = format!("a redirect was followed: {} {}", request.method, request.target);
        return Some(Finding::new("redirect_followed", what));
    }
    let (header, value) = user.credential.as_ref()?;
    let given: Vec<&[u8]> = request
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(header))
        .map(|(_, value)| value.as_slice())
        .collect();
    if given == [value.as_bytes()] {
        return None;
    }
    let what = format!("a request carried {} headers {header}, and not exactly the credential", given.len());
    Some(Finding::new("credential_header_wrong", what))
}

/// What the call's end says of the connector.
fn end(case: &Case, behaviour: &Behaviour, outcome: &Outcome, lists: &mut Lists) -> End {
    let error = match &outcome.result {
        Ok(_) => return End::Answer,
        Err(error) => error,
    };
    let tool = &case.tool;
    let (code, what) = match error {
        CallError::Tool { error: ToolError::InvalidArguments(_), .. } => return End::RefusedByTool,
        CallError::Tool { .. } => return End::ToolError,
        CallError::InvalidArguments { .. } | CallError::ArgumentsTooLarge { .. } => return End::RefusedBySchema,
        CallError::CredentialReflected { .. } if gives_back(behaviour) => return End::Other,
        CallError::CredentialReflected { form, .. } => {
            let what = format!("{tool}: the host saw the credential ({form}) although the upstream gave none back");
            ("credential_from_nowhere", what)
        }
        CallError::EgressDenied { code, rule, .. } => {
            ("undeclared_request", format!("{tool} asked for what it does not declare: {code}: {rule}"))
        }
        CallError::Trap { reason, .. } => ("trap", format!("{tool} trapped: {reason}")),
        // An account is the upstream's words, which no schema bounds: the host refuses what cannot be one.
        CallError::AnswerInvalid { reason, .. } if tool == "identify" && plan::wears_out(behaviour) => {
            let what = format!("{tool} took what the upstream said for an account: {reason}");
            lists.warnings.add(format!("account {reason}"), Finding::new("account_invalid", what).in_case(case));
            return End::Other;
        }
        CallError::AnswerInvalid { reason, .. } => {
            ("answer_invalid", format!("the answer of {tool} breaks the contract: {reason}"))
        }
        CallError::LimitReached { limit, code, .. } => {
            let what = format!("{tool} reached its limit of {limit} ({code})");
            if plan::wears_out(behaviour) {
                let what = format!("{what} where the upstream {}", behaviour.description());
                lists.warnings.add(format!("{code} {tool}"), Finding::new("limit_reached", what).in_case(case));
                return End::Other;
            }
            ("limit_reached", what)
        }
        other => ("not_runnable", format!("{tool} could not be run: {}: {other}", other.code())),
    };
    lists.faults.add(format!("{code} {tool} {what}"), Finding::new(code, what).in_case(case));
    End::Other
}

fn gives_back(behaviour: &Behaviour) -> bool {
    match behaviour {
        Behaviour::Echo(_) | Behaviour::StoreAndReadBack => true,
        Behaviour::Redirect(redirect) => *redirect == hostile_upstream::Redirect::ElsewhereWithCredential,
        _ => false,
    }
}
