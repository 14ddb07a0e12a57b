//! The exit. Every byte that leaves for an upstream, and every byte that comes back, passes here, in two
//! halves that read as the list of their steps: [`Gate::admit`] decides, in the guest's own call and before the
//! guest runs on; [`Gate::forward`] sends what was admitted. The order is here, and everything that a step may
//! refuse. The pure decisions are in `toolkeep-policy`; what an answer may look like is in `gate/answer.rs`, what a
//! request leaves behind in `gate/ledger.rs`, and `wasi:http` meets the gate in `gate/outgoing_handler.rs`.

mod answer;
mod credential;
mod in_flight;
mod lease;
mod ledger;
mod outgoing_handler;
mod stopped;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use toolkeep_audit::UpstreamRequest;
use toolkeep_policy::headers::{RequestHeader, request_header};
use toolkeep_policy::secret_scan::Form;
use toolkeep_policy::{EgressDecision, EgressPolicy, Method, Target};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, WasiBody};

pub(crate) use credential::BoundCredential;
pub(crate) use in_flight::InFlight;
pub(crate) use lease::Lease;
pub(crate) use outgoing_handler::{Hooks, TYPES, link};
pub(crate) use stopped::Breach;

use crate::description::Origin;
use crate::exchange::ExchangeObserver;
use crate::limits::Limits;
use crate::upstream::Upstream;
use ledger::{Ledger, Ticket, view_of_parts, view_of_request};
use stopped::{Stopped, no_answer};

/// What upstreams see as the client.
const PRODUCT: &str = concat!("toolkeep/", env!("CARGO_PKG_VERSION"));

/// An origin with what the host adds to its requests, and the way to its real base.
pub(crate) struct GatedOrigin {
    pub(crate) declared: Arc<Origin>,
    pub(crate) account_headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) upstream: Upstream,
}

/// The exit of one call.
pub(crate) struct Gate {
    tool: String,
    policy: EgressPolicy,
    origins: Vec<GatedOrigin>,
    credential: Option<BoundCredential>,
    lease: Option<Lease>,
    limits: Limits,
    observer: Option<Arc<dyn ExchangeObserver>>,
    /// Requests of this call that may hold bodies in memory at once.
    turns: Semaphore,
    response_bytes: AtomicUsize,
    ledger: Mutex<Ledger>,
}

/// A request that may go out, and whose attempt is on the ledger. Made by [`Gate::admit`] alone.
struct Admitted {
    ticket: Ticket,
    target: Target,
    decision: EgressDecision,
    origin: usize,
    headers: HeaderMap,
}

/// A request as it goes out. Made by [`Gate::inject`] alone, and only [`Gate::send`] takes it.
struct Injected(Request<Full<Bytes>>);

impl Gate {
    pub(crate) fn new(
        tool: &str,
        policy: EgressPolicy,
        origins: Vec<GatedOrigin>,
        credential: Option<BoundCredential>,
        limits: Limits,
        observer: Option<Arc<dyn ExchangeObserver>>,
    ) -> Self {
        Self {
            tool: tool.to_owned(),
            policy,
            origins,
            credential,
            lease: None,
            turns: Semaphore::new(limits.upstream_requests_at_once as usize),
            limits,
            observer,
            response_bytes: AtomicUsize::new(0),
            ledger: Mutex::new(Ledger::default()),
        }
    }

    /// The same gate, for as long as a connection stands.
    pub(crate) fn leased(mut self, lease: Option<Lease>) -> Self {
        self.lease = lease;
        self
    }

    /// A gate that nothing passes.
    pub(crate) fn closed() -> Self {
        Self::new("", EgressPolicy::default(), Vec::new(), None, Limits::default(), None)
    }

    /// The form in which the bytes hold this call's secret, if they do.
    pub(crate) fn secret_form(&self, bytes: &[u8]) -> Option<&'static str> {
        self.credential.as_ref()?.scanner.find(bytes).map(Form::as_str)
    }

    /// Closes the gate for good, and gives what went through it, in order, how many that did not leave were
    /// only counted, and the first breach.
    pub(crate) fn close(&self) -> (Vec<UpstreamRequest>, usize, Option<Breach>) {
        let (mut requests, left_out, mut breach) = self.ledger().close();
        // Some upstream may have told the connector the secret in a way that no search knows, and the connector put
        // it into a request. It must not come to stand in a record, nor in an error.
        for request in &mut requests {
            if let Some(form) = ledger::clear(request, |text| self.secret_form(text)) {
                breach = Some(Breach::carried(form));
            }
        }
        if let Some(form) = breach.as_ref().and_then(|breach| self.secret_form(breach.rule().as_bytes())) {
            breach = Some(Breach::carried(form));
        }
        (requests, left_out, breach)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first half of the way out. Nothing waits here, so the decision is made, and on the ledger, before
    /// the guest's call returns.
    fn admit(&self, parts: &Parts) -> Result<Admitted, ErrorCode> {
        let asked = self.observer.as_ref().filter(|_| !self.holds_secret(parts)).map(|_| view_of_parts(parts));
        let mut ledger = self.ledger();
        let ticket = ledger.open(parts.method.as_str(), asked)?; //    0. A call that broke a rule asks in vain.
        let admitted = canonicalise(parts) //                          1. One spelling of the URL, or none.
            .and_then(|target| self.decide(target)) //                 2. Its origin, and a route of the running tool.
            .and_then(|(target, decision, origin)| {
                ledger.decided(ticket, &decision);
                let headers = self.take_headers(parts, origin)?; //    3. Only headers that a connector may set.
                ledger.count(self.limits.upstream_requests)?; //       4. Within the call's number of requests.
                Ok(Admitted { ticket, target, decision, origin, headers })
            });
        admitted.map_err(|stopped| ledger.settle(ticket, stopped, &self.tool, self.observer.as_deref()))
    }

    /// Both halves at once, for whoever is no guest.
    pub(crate) async fn exchange(self: Arc<Self>, request: Request<WasiBody>) -> Result<Response<WasiBody>, ErrorCode> {
        let (parts, body) = request.into_parts();
        let admitted = self.admit(&parts)?;
        self.forward(admitted, body).await
    }

    /// The second half: everything that waits.
    async fn forward(self: Arc<Self>, admitted: Admitted, body: WasiBody) -> Result<Response<WasiBody>, ErrorCode> {
        let (ticket, origin) = (admitted.ticket, admitted.origin);
        let way = async {
            let _turn = self.turns.acquire().await; //                   A few at a time hold bodies in memory.
            let body = self.read(body, &admitted).await?; //          5. The whole body, bounded.
            self.lease.as_ref().map_or(Ok(()), Lease::check)?; //     6. The connection still stands.
            let injected = self.inject(admitted, body)?; //           7. The credential, last.
            let sent = self.send(injected, origin, ticket).await?; // 8. A checked address, TLS, no redirects.
            let (head, body) = sent.into_parts();
            self.look_at(&head)?; //                                  9. Nothing of the secret in the head; plain.
            let body = self.receive(body, ticket).await?; //         10. Nor in the body: whole, bounded.
            self.show(&head, body, origin) //                        11. The headers that a connector may see.
        };
        // One clock for the whole exchange: a server that sends a byte a second does not get more.
        let limit = Duration::from_millis(self.limits.upstream_ms);
        let answer = tokio::time::timeout(limit, way).await.unwrap_or_else(|_| {
            Err(Stopped::failed(
                "upstream_timeout",
                format!("no whole answer in {limit:?}"),
                ErrorCode::HttpResponseTimeout,
            ))
        });
        let mut ledger = self.ledger(); //                           12. What came of it is on the ledger.
        match answer {
            Ok(answer) => {
                ledger.answered(ticket, &self.tool, self.observer.as_deref());
                Ok(answer)
            }
            Err(stopped) => Err(ledger.settle(ticket, stopped, &self.tool, self.observer.as_deref())),
        }
    }

    fn decide(&self, (method, target): (String, Target)) -> Result<(Target, EgressDecision, usize), Stopped> {
        let decision = self
            .policy
            .decide(&method, &target)
            .map_err(|denial| Stopped::denied(denial.code(), denial.to_string()))?;
        let origin = self
            .origins
            .iter()
            .position(|origin| origin.declared.name == decision.origin)
            .ok_or_else(|| Stopped::denied("origin_not_declared", "the origin has no declaration"))?;
        Ok((target, decision, origin))
    }

    fn origin(&self, index: usize) -> Result<&GatedOrigin, Stopped> {
        self.origins.get(index).ok_or_else(|| Stopped::denied("origin_not_declared", "the origin has no declaration"))
    }

    fn take_headers(&self, parts: &Parts, origin: usize) -> Result<HeaderMap, Stopped> {
        let most = self.limits.header_fields;
        if parts.headers.len() > most {
            return Err(Stopped::denied("too_many_headers", format!("more than {most} header fields")));
        }
        let declared = &self.origin(origin)?.declared;
        // By declaration, not by value: a header that means an account is the host's even where no account is known.
        let mut owned: Vec<&str> = declared.account_headers.iter().map(|header| header.name.as_str()).collect();
        owned.extend(self.credential.iter().map(|credential| credential.header.as_str()));
        let mut headers = HeaderMap::with_capacity(parts.headers.len() + 6);
        for (name, value) in &parts.headers {
            match request_header(name.as_str(), &declared.request_headers, &owned) {
                RequestHeader::Sent => {
                    headers.append(name.clone(), value.clone());
                }
                RequestHeader::Replaced => {}
                RequestHeader::HostOwned => {
                    return Err(Stopped::denied(
                        "header_host_owned",
                        format!("the header {name} is the host's to write"),
                    ));
                }
                RequestHeader::Undeclared => {
                    return Err(Stopped::denied("header_not_declared", format!("the header {name} is not declared")));
                }
            }
        }
        Ok(headers)
    }

    /// Whether the connector's own request holds this call's secret, for whoever looks on. In a call that nobody
    /// looks on, nothing that a guest wrote is searched in its own time: how long that takes would tell it of what
    /// it guessed. [`Gate::close`] searches what is recorded.
    fn holds_secret(&self, parts: &Parts) -> bool {
        let url = parts.uri.to_string();
        let first = [parts.method.as_str().as_bytes(), url.as_bytes()];
        let headers = parts.headers.iter().flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
        first.into_iter().chain(headers).any(|text| self.secret_form(text).is_some())
    }

    async fn read(&self, mut body: WasiBody, admitted: &Admitted) -> Result<Bytes, Stopped> {
        let limit = self.limits.request_body_bytes;
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| {
                Stopped::failed(
                    "request_incomplete",
                    "the connector did not finish its request",
                    ErrorCode::HttpProtocolError,
                )
            })?;
            match frame.into_data() {
                Ok(data) if bytes.len() + data.len() > limit => {
                    let limit = format!("{limit} bytes in one upstream request");
                    return Err(Stopped::limit("request_too_large", limit, ErrorCode::HttpRequestBodySize(None)));
                }
                Ok(data) => bytes.extend_from_slice(&data),
                // Headers were decided on before the body; nothing may come after it that was not.
                Err(frame) => {
                    if frame.into_trailers().is_ok_and(|trailers| !trailers.is_empty()) {
                        return Err(Stopped::denied("trailers_not_sent", "the request has trailers"));
                    }
                }
            }
        }
        let method = admitted.decision.route.method;
        if method.is_safe() && !bytes.is_empty() {
            return Err(Stopped::denied("body_on_read", format!("a {method} request carries a body")));
        }
        Ok(bytes.freeze())
    }

    fn inject(&self, admitted: Admitted, body: Bytes) -> Result<Injected, Stopped> {
        let unusable = |what: &str| {
            Stopped::failed("request_malformed", format!("{what} cannot be sent"), ErrorCode::HttpRequestUriInvalid)
        };
        let Admitted { ticket, target, decision, origin, mut headers } = admitted;
        let (base, wanted) = (&decision.base, target.path_and_query());
        let authority = base.authority();
        let uri = http::Uri::builder()
            .scheme(if base.is_https() { "https" } else { "http" })
            .authority(authority.as_str())
            .path_and_query(wanted.as_str())
            .build()
            .map_err(|_| unusable("the URL"))?;
        // What was decided on is what goes out, byte for byte.
        if uri.path_and_query().map(http::uri::PathAndQuery::as_str) != Some(wanted.as_str()) {
            return Err(unusable("the URL"));
        }
        headers.insert(HOST, HeaderValue::from_str(&authority).map_err(|_| unusable("the host"))?);
        headers.insert(USER_AGENT, HeaderValue::from_static(PRODUCT));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (name, value) in &self.origin(origin)?.account_headers {
            headers.insert(name.clone(), value.clone());
        }
        let mut slot = None;
        if let Some(credential) = self.credential.as_ref().filter(|credential| credential.origin == decision.origin) {
            headers.insert(credential.header.clone(), credential.value.clone());
            slot = Some(credential.slot.clone());
        }
        let body_bytes = body.len();
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = match decision.route.method {
            Method::Get => http::Method::GET,
            Method::Head => http::Method::HEAD,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
        };
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        let sent = self.observer.as_ref().map(|_| view_of_request(&request, body_bytes));
        self.ledger().sent(ticket, slot, body_bytes, sent)?;
        Ok(Injected(request))
    }

    /// Sends, and waits for the head of the answer.
    async fn send(&self, injected: Injected, origin: usize, ticket: Ticket) -> Result<Response<Incoming>, Stopped> {
        let Injected(request) = injected;
        let client = &self.origin(origin)?.upstream.client;
        let answer = client.request(request).await.map_err(|error| no_answer(&error))?;
        self.ledger().status(ticket, answer.status().as_u16());
        Ok(answer)
    }

    /// Looks through all of the head, shown or not, and refuses an answer whose body could not be looked through.
    fn look_at(&self, head: &http::response::Parts) -> Result<(), Stopped> {
        if let Some(form) = answer::texts(head).find_map(|text| self.secret_form(text)) {
            return Err(Stopped::reflected(form));
        }
        answer::check(head, &self.limits)
    }

    /// Reads the whole body and looks through it as it comes: a hit stops the reading, and not one byte goes on
    /// before the last was looked at.
    async fn receive(&self, mut body: Incoming, ticket: Ticket) -> Result<Bytes, Stopped> {
        let limit = self.limits.response_body_bytes;
        let too_large = || {
            let rule = format!("an answer has more than {limit} bytes");
            Stopped::failed("response_too_large", rule, ErrorCode::HttpResponseBodySize(None))
        };
        if body.size_hint().lower() > limit as u64 {
            return Err(too_large());
        }
        let mut scan = self.credential.as_ref().map(|credential| credential.scanner.stream());
        // What the upstream says will come was just found to be within the limit.
        let mut received = answer::Received::expecting(usize::try_from(body.size_hint().lower()).unwrap_or(0));
        while let Some(frame) = body.frame().await {
            // Many small pieces give way to others now and then.
            tokio::task::coop::consume_budget().await;
            let frame = frame.map_err(|_| {
                Stopped::failed("response_incomplete", "the answer was cut off", ErrorCode::HttpResponseIncomplete)
            })?;
            let data = match frame.into_data() {
                Ok(data) => data,
                // Trailers are never shown; what they hold is told all the same.
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    match answer::fields(&trailers).find_map(|text| self.secret_form(text)) {
                        Some(form) => return Err(Stopped::reflected(form)),
                        None => continue,
                    }
                }
            };
            if received.as_ref().len() + data.len() > limit {
                return Err(too_large());
            }
            self.ledger().received(ticket, data.len());
            let before = self.response_bytes.fetch_add(data.len(), Ordering::Relaxed);
            let all = self.limits.response_bytes_per_call;
            if before + data.len() > all {
                let limit = format!("{all} bytes of upstream answers");
                return Err(Stopped::limit("responses_too_large", limit, ErrorCode::HttpResponseBodySize(None)));
            }
            received.push(data);
            if let Some(form) = scan.as_mut().and_then(|scan| scan.feed(received.as_ref())) {
                return Err(Stopped::reflected(form.as_str()));
            }
        }
        let whole = received.into_bytes();
        match scan.and_then(|scan| scan.finish(&whole)) {
            Some(form) => Err(Stopped::reflected(form.as_str())),
            None => Ok(whole),
        }
    }

    /// What the guest gets: the status, the headers that its origin declares, the body.
    fn show(&self, head: &http::response::Parts, body: Bytes, origin: usize) -> Result<Response<WasiBody>, Stopped> {
        let declared = &self.origin(origin)?.declared.response_headers;
        let mut shown = Response::new(Full::new(body).map_err(Error::from).boxed_unsync());
        *shown.status_mut() = head.status;
        *shown.headers_mut() = answer::visible(&head.headers, declared);
        Ok(shown)
    }
}

/// The method and the URL in the one spelling that is decided on and sent.
fn canonicalise(parts: &Parts) -> Result<(String, Target), Stopped> {
    let target =
        Target::parse(&parts.uri.to_string()).map_err(|error| Stopped::denied(error.code(), error.to_string()))?;
    Ok((parts.method.as_str().to_owned(), target))
}
