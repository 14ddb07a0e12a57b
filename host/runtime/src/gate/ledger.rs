//! What the requests of a call leave behind: for the audit log, for whoever observes exchanges, and for the
//! call itself, which must fail if one of them broke a rule.
//!
//! An entry is made before a request may go out, and filled in on its way. What is still open when the gate
//! closes was abandoned: if it was on its way, it may have reached the upstream.

use std::time::Instant;

use http::header::HeaderValue;
use http::request::Parts;
use http::{HeaderMap, Request};
use toolkeep_audit::{Decision, UpstreamRequest};
use toolkeep_policy::EgressDecision;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;

use super::stopped::{Breach, Stopped};
use crate::exchange::{Exchange, ExchangeObserver, MASK, RequestView};

/// Most refused requests that are written down, and most that were not sent, beside every one that was: the first
/// refusal is what fails the call, the rest are counted.
const MAX_UNSENT_ENTRIES: usize = 8;

/// Which entry belongs to a request.
#[derive(Clone, Copy)]
pub(super) struct Ticket(usize);

/// The entries of one call.
#[derive(Default)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    left_out: usize,
    counted: u32,
    breach: Option<Breach>,
    closed: bool,
}

struct Entry {
    at: jiff::Timestamp,
    begun: Instant,
    method: String,
    decision: Option<EgressDecision>,
    rule: String,
    slot: Option<String>,
    sent: bool,
    /// A rule kept it from leaving, or took its answer.
    broke_rule: bool,
    status: Option<u16>,
    request_bytes: usize,
    response_bytes: usize,
    error: Option<&'static str>,
    reflected: bool,
    /// When it gave an answer, or none.
    settled: Option<Instant>,
    views: Option<(RequestView, Option<RequestView>)>,
}

impl Ledger {
    /// Begins an entry. A call that broke a rule, or is over, asks in vain.
    pub(super) fn open(&mut self, method: &str, asked: Option<RequestView>) -> Result<Ticket, ErrorCode> {
        if self.is_over() {
            self.left_out += 1;
            return Err(ErrorCode::HttpRequestDenied);
        }
        self.entries.push(Entry {
            at: jiff::Timestamp::now(),
            begun: Instant::now(),
            method: method.chars().take(16).collect(),
            decision: None,
            rule: String::new(),
            slot: None,
            sent: false,
            broke_rule: false,
            status: None,
            request_bytes: 0,
            response_bytes: 0,
            error: None,
            reflected: false,
            settled: None,
            views: asked.map(|asked| (asked, None)),
        });
        Ok(Ticket(self.entries.len() - 1))
    }

    /// Whether the call ended, or broke a rule: then nothing more of it leaves.
    fn is_over(&self) -> bool {
        self.closed || self.breach.is_some()
    }

    /// The rule that allowed it.
    pub(super) fn decided(&mut self, ticket: Ticket, decision: &EgressDecision) {
        self.entry(ticket, |entry| {
            entry.rule = format!("route {}", decision.route);
            entry.decision = Some(decision.clone());
        });
    }

    /// Counts one request against the call's number.
    pub(super) fn count(&mut self, limit: u32) -> Result<(), Stopped> {
        if self.counted >= limit {
            let limit = format!("{limit} upstream requests");
            return Err(Stopped::limit("too_many_requests", limit, ErrorCode::ConnectionLimitReached));
        }
        self.counted += 1;
        Ok(())
    }

    /// It is about to leave, with this credential. It does not where the call broke a rule meanwhile.
    pub(super) fn sent(
        &mut self,
        ticket: Ticket,
        slot: Option<String>,
        body_bytes: usize,
        view: Option<RequestView>,
    ) -> Result<(), Stopped> {
        if self.is_over() {
            let rule = "the call broke a rule, or ended, before this was sent";
            return Err(Stopped::failed("call_over", rule, ErrorCode::HttpRequestDenied));
        }
        self.entry(ticket, |entry| {
            entry.sent = true;
            entry.slot = slot;
            entry.request_bytes = body_bytes;
            if let Some((asked, sent)) = &mut entry.views {
                asked.body_bytes = body_bytes;
                *sent = view;
            }
        });
        Ok(())
    }

    /// The head of the answer is here.
    pub(super) fn status(&mut self, ticket: Ticket, status: u16) {
        self.entry(ticket, |entry| entry.status = Some(status));
    }

    /// A piece of the body is here.
    pub(super) fn received(&mut self, ticket: Ticket, bytes: usize) {
        self.entry(ticket, |entry| entry.response_bytes += bytes);
    }

    /// It gave an answer.
    pub(super) fn answered(&mut self, ticket: Ticket, tool: &str, observer: Option<&dyn ExchangeObserver>) {
        self.entry(ticket, |entry| {
            entry.settled = Some(Instant::now());
            entry.show(tool, observer);
        });
    }

    /// It gave none. Gives what the guest is told.
    pub(super) fn settle(
        &mut self,
        ticket: Ticket,
        stopped: Stopped,
        tool: &str,
        observer: Option<&dyn ExchangeObserver>,
    ) -> ErrorCode {
        let Stopped { breach, code, rule, error, did_not_leave } = stopped;
        if let Some(breach) = &breach {
            self.breach.get_or_insert_with(|| breach.clone());
        }
        self.entry(ticket, |entry| {
            entry.settled = Some(Instant::now());
            entry.error = Some(code);
            if did_not_leave {
                // It was marked as sent when it was ready to be.
                (entry.sent, entry.slot) = (false, None);
            }
            if let (false, Some(_), Some((_, ready))) = (entry.sent, &breach, &mut entry.views) {
                *ready = None;
            }
            entry.broke_rule = breach.is_some();
            entry.reflected = matches!(breach, Some(Breach::Reflected { .. }));
            if breach.is_some() {
                entry.rule = format!("{code}: {rule}");
            }
            entry.show(tool, observer);
        });
        error
    }

    fn entry(&mut self, ticket: Ticket, change: impl FnOnce(&mut Entry)) {
        // After the gate has closed the entries are gone, and with them whoever would have read them.
        if let Some(entry) = self.entries.get_mut(ticket.0) {
            change(entry);
        }
    }

    /// Ends the call's requests.
    pub(super) fn close(&mut self) -> (Vec<UpstreamRequest>, usize, Option<Breach>) {
        self.closed = true;
        let mut records = Vec::with_capacity(self.entries.len());
        let (mut refused, mut not_sent) = (0, 0);
        for entry in std::mem::take(&mut self.entries) {
            let alike = match entry.outcome() {
                Decision::Allowed => None,
                Decision::Refused => Some(&mut refused),
                Decision::NotSent => Some(&mut not_sent),
            };
            if let Some(alike) = alike {
                *alike += 1;
                if *alike > MAX_UNSENT_ENTRIES {
                    self.left_out += 1;
                    continue;
                }
            }
            records.push(entry.into_record());
        }
        (records, self.left_out, self.breach.clone())
    }
}

impl Entry {
    fn outcome(&self) -> Decision {
        match (self.sent, self.broke_rule) {
            (true, _) => Decision::Allowed,
            (false, true) => Decision::Refused,
            (false, false) => Decision::NotSent,
        }
    }

    fn into_record(self) -> UpstreamRequest {
        let outcome = self.outcome();
        let took = self.settled.unwrap_or_else(Instant::now).duration_since(self.begun);
        let (origin, path_template, path_parameters) = match self.decision {
            Some(decision) => (decision.origin, Some(decision.route.path.as_str().to_owned()), decision.parameters),
            None => (String::new(), None, Vec::new()),
        };
        UpstreamRequest {
            at_us: self.at.as_microsecond(),
            method: self.method,
            origin,
            path_template,
            path_parameters,
            decision: outcome,
            rule: self.rule,
            status: self.status,
            request_bytes: self.request_bytes as u64,
            response_bytes: self.response_bytes as u64,
            duration_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            injected: self.slot,
            error: self.error.or(self.settled.is_none().then_some("abandoned")).map(str::to_owned),
            redactions: u32::from(self.reflected),
        }
    }

    fn show(&self, tool: &str, observer: Option<&dyn ExchangeObserver>) {
        let (Some(observer), Some((asked, sent))) = (observer, &self.views) else { return };
        observer.exchanged(&Exchange {
            tool: tool.to_owned(),
            asked: asked.clone(),
            sent: sent.clone(),
            decision: self.rule.clone(),
            left: self.sent,
            refused: self.error.filter(|_| self.outcome() == Decision::Refused),
            error: self.error,
            status: self.status,
            duration: self.begun.elapsed(),
        });
    }
}

/// Takes out of a record what a guest wrote, where that holds the secret, and says in which form it does.
pub(super) fn clear(
    request: &mut UpstreamRequest,
    secret_form: impl Fn(&[u8]) -> Option<&'static str>,
) -> Option<&'static str> {
    let texts = [&request.method, &request.rule].into_iter();
    let parameters = request.path_parameters.iter().flat_map(|(name, value)| [name, value]);
    let form = texts.chain(parameters).find_map(|text| secret_form(text.as_bytes()))?;
    request.method.clear();
    "credential_in_request".clone_into(&mut request.rule);
    request.path_parameters.clear();
    request.redactions = request.redactions.saturating_add(1);
    Some(form)
}

/// A request as the connector made it.
pub(super) fn view_of_parts(parts: &Parts) -> RequestView {
    view(parts.method.as_str(), &parts.uri, &parts.headers, 0)
}

/// A request as it goes out; what is marked sensitive is masked.
pub(super) fn view_of_request<B>(request: &Request<B>, body_bytes: usize) -> RequestView {
    view(request.method().as_str(), request.uri(), request.headers(), body_bytes)
}

fn view(method: &str, uri: &http::Uri, headers: &HeaderMap, body_bytes: usize) -> RequestView {
    let shown = |value: &HeaderValue| {
        if value.is_sensitive() { MASK.to_owned() } else { String::from_utf8_lossy(value.as_bytes()).into_owned() }
    };
    RequestView {
        method: method.to_owned(),
        url: uri.to_string(),
        headers: headers.iter().map(|(name, value)| (name.to_string(), shown(value))).collect(),
        body_bytes,
    }
}
