//! The exit. Every byte that leaves for an upstream, and every byte that comes back, passes [`Gate::pass`],
//! which reads as the list of its steps. The pure decisions are in `toolkeep-policy`; the order is here.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use toolkeep_audit::{Decision, UpstreamRequest};
use toolkeep_policy::headers::{RequestHeader, request_header, response_header_visible};
use toolkeep_policy::{EgressDecision, EgressPolicy, Method, Target};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::description::Origin;
use crate::exchange::{Exchange, ExchangeObserver, MASK, RequestView};
use crate::limits::Limits;
use crate::scan::Scanner;
use crate::upstream::{AddressRefused, Upstream};

/// What upstreams see as the client.
const PRODUCT: &str = concat!("toolkeep/", env!("CARGO_PKG_VERSION"));
/// Most header fields of one request or answer.
const MAX_FIELDS: usize = 100;
/// Most refused or failed requests whose records are kept beside the permitted number: a guest that hammers
/// the gate is counted, not written down line by line.
const MAX_RECORDS: usize = 256;

/// A credential that is ready to be attached: one header, on one origin.
pub(crate) struct BoundCredential {
    pub(crate) origin: String,
    pub(crate) header: HeaderName,
    /// Prefix and secret, marked sensitive so that nothing prints it.
    pub(crate) value: HeaderValue,
    pub(crate) scanner: Scanner,
    /// What the audit log calls it.
    pub(crate) slot: String,
}

/// An origin with the values that the host writes on its requests.
pub(crate) struct GatedOrigin {
    pub(crate) declared: Origin,
    pub(crate) account_headers: Vec<(HeaderName, HeaderValue)>,
}

/// Why a call must fail, whatever the guest makes of it.
#[derive(Debug, Clone)]
pub(crate) enum Breach {
    /// It asked for a request that its tool did not declare.
    Denied { code: &'static str, rule: String },
    /// An answer held the credential.
    Reflected { form: &'static str },
    /// It used up a limit.
    Limit { code: &'static str, limit: String },
}

/// The exit of one call.
pub(crate) struct Gate {
    tool: String,
    policy: EgressPolicy,
    origins: Vec<GatedOrigin>,
    credential: Option<BoundCredential>,
    upstream: Option<Upstream>,
    limits: Limits,
    observer: Option<Arc<dyn ExchangeObserver>>,
    requests_made: AtomicU32,
    response_bytes: AtomicUsize,
    records: Mutex<Vec<UpstreamRequest>>,
    breach: Mutex<Option<Breach>>,
}

/// A request as the connector made it, with its body read in.
struct Asked {
    parts: http::request::Parts,
    body: Bytes,
}

/// A request that the policy allowed. Made by [`Gate::decide`] alone.
struct Decided<'a> {
    target: Target,
    decision: EgressDecision,
    origin: &'a GatedOrigin,
    headers: HeaderMap,
    body: Bytes,
}

/// A request as it goes out. Made by [`Gate::inject`] alone, and only [`Gate::send`] takes it.
struct Injected(Request<Full<Bytes>>);

/// Why one request did not give an answer.
struct Stopped {
    breach: Option<Breach>,
    code: &'static str,
    rule: String,
    error: Error,
}

impl Stopped {
    fn denied(code: &'static str, rule: impl Into<String>) -> Self {
        let rule = rule.into();
        Self { breach: Some(Breach::Denied { code, rule: rule.clone() }), code, rule, error: Error::HttpRequestDenied }
    }

    fn limit(code: &'static str, limit: String, error: Error) -> Self {
        Self { breach: Some(Breach::Limit { code, limit: limit.clone() }), code, rule: limit, error }
    }

    /// Whether policy kept the request from leaving.
    fn is_refusal(&self) -> bool {
        matches!(self.error, Error::HttpRequestDenied | Error::DestinationIpProhibited)
    }

    fn failed(code: &'static str, rule: impl Into<String>, error: Error) -> Self {
        Self { breach: None, code, rule: rule.into(), error }
    }
}

impl Gate {
    pub(crate) fn new(
        tool: &str,
        policy: EgressPolicy,
        origins: Vec<GatedOrigin>,
        credential: Option<BoundCredential>,
        upstream: Option<Upstream>,
        limits: Limits,
        observer: Option<Arc<dyn ExchangeObserver>>,
    ) -> Self {
        Self {
            tool: tool.to_owned(),
            policy,
            origins,
            credential,
            upstream,
            limits,
            observer,
            requests_made: AtomicU32::new(0),
            response_bytes: AtomicUsize::new(0),
            records: Mutex::new(Vec::new()),
            breach: Mutex::new(None),
        }
    }

    /// A gate that nothing passes.
    pub(crate) fn closed() -> Self {
        Self::new("", EgressPolicy::default(), Vec::new(), None, None, Limits::default(), None)
    }

    /// Whether the bytes hold this call's secret.
    pub(crate) fn holds_secret(&self, bytes: &[u8]) -> bool {
        self.secret_form(bytes).is_some()
    }

    pub(crate) fn secret_form(&self, bytes: &[u8]) -> Option<&'static str> {
        self.credential.as_ref().and_then(|credential| credential.scanner.find(bytes))
    }

    /// What went through, in order, and the first breach. The gate keeps nothing of it.
    pub(crate) fn take_records(&self) -> (Vec<UpstreamRequest>, Option<Breach>) {
        let records = std::mem::take(&mut *self.records.lock().unwrap_or_else(PoisonError::into_inner));
        let breach = self.breach.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (records, breach)
    }

    /// The whole way of one request.
    async fn pass(self: Arc<Self>, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        let begun = Instant::now();
        let mut record = Record::new(&request, begun, self.observer.is_some());
        let answer = async {
            self.refuse_after_breach()?; //                   A call that broke a rule sends nothing more.
            let asked = self.read(request).await?; //        0. Take the whole request, bounded.
            let target = canonicalise(&asked)?; //            1. One spelling, or none.
            let decided = self.decide(target, asked, &mut record)?; // 2 and 3. Its headers, its origin, its route.
            self.count()?; //                                 4. The attempt is on record, with the rule that decided.
            let injected = self.inject(decided, &mut record)?; // 6. The credential, last.
            let answer = self.send(injected).await?; //       5 and 7. Checked address, limits, no redirects.
            self.clean(answer, &mut record) //                8. Nothing of the secret comes back.
        };
        // One clock for the whole exchange: a server that sends a byte a second does not get more.
        let limit = Duration::from_millis(self.limits.upstream_ms);
        let answer = tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
            Err(Stopped::failed(
                "upstream_timeout",
                format!("no whole answer in {limit:?}"),
                Error::HttpResponseTimeout,
            ))
        });
        self.record(record, answer) //                        9. The result is on record.
    }

    fn refuse_after_breach(&self) -> Result<(), Stopped> {
        match &*self.breach.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(_) => {
                Err(Stopped::failed("after_breach", "the call had broken a rule already", Error::HttpRequestDenied))
            }
        }
    }

    async fn read(&self, request: Request<WasiBody>) -> Result<Asked, Stopped> {
        let (parts, mut body) = request.into_parts();
        if parts.headers.len() > MAX_FIELDS {
            return Err(Stopped::denied("too_many_headers", format!("more than {MAX_FIELDS} header fields")));
        }
        let limit = self.limits.request_body_bytes;
        let too_large = || {
            Stopped::limit(
                "request_too_large",
                format!("{limit} bytes in one upstream request"),
                Error::HttpRequestBodySize(None),
            )
        };
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                Stopped::failed("request_incomplete", "the connector did not finish its request", error)
            })?;
            // Trailers are dropped: no API that a connector talks to takes them, and headers are decided on first.
            if let Ok(data) = frame.into_data() {
                if bytes.len() + data.len() > limit {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&data);
            }
        }
        Ok(Asked { parts, body: bytes.freeze() })
    }

    fn decide(&self, target: Target, asked: Asked, record: &mut Record) -> Result<Decided<'_>, Stopped> {
        let decision = self
            .policy
            .decide(asked.parts.method.as_str(), &target)
            .map_err(|denial| Stopped::denied(denial.code(), denial.to_string()))?;
        record.decided(&decision);
        let origin = self
            .origins
            .iter()
            .find(|origin| origin.declared.name == decision.origin)
            .ok_or_else(|| Stopped::denied("origin_not_declared", "the origin has no declaration"))?;
        if decision.route.method.is_safe() && !asked.body.is_empty() {
            return Err(Stopped::denied("body_on_read", format!("a {} request carries a body", decision.route.method)));
        }
        let mut injected: Vec<&str> = origin.account_headers.iter().map(|(name, _)| name.as_str()).collect();
        injected.extend(self.credential.iter().map(|credential| credential.header.as_str()));
        let mut headers = HeaderMap::with_capacity(asked.parts.headers.len() + 6);
        for (name, value) in &asked.parts.headers {
            match request_header(name.as_str(), &origin.declared.request_headers, &injected) {
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
        Ok(Decided { target, decision, origin, headers, body: asked.body })
    }

    fn count(&self) -> Result<(), Stopped> {
        let limit = self.limits.upstream_requests;
        if self.requests_made.fetch_add(1, Ordering::Relaxed) >= limit {
            return Err(Stopped::limit(
                "too_many_requests",
                format!("{limit} upstream requests"),
                Error::ConnectionLimitReached,
            ));
        }
        Ok(())
    }

    fn inject(&self, decided: Decided<'_>, record: &mut Record) -> Result<Injected, Stopped> {
        let unusable = |what: &str| {
            Stopped::failed("request_malformed", format!("{what} cannot be sent"), Error::HttpRequestUriInvalid)
        };
        let base = &decided.decision.base;
        let uri = http::Uri::builder()
            .scheme(if base.is_https() { "https" } else { "http" })
            .authority(base.authority())
            .path_and_query(decided.target.path_and_query())
            .build()
            .map_err(|_| unusable("the URL"))?;
        let mut headers = decided.headers;
        headers.insert(HOST, HeaderValue::from_str(&base.authority()).map_err(|_| unusable("the host"))?);
        headers.insert(USER_AGENT, HeaderValue::from_static(PRODUCT));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (name, value) in &decided.origin.account_headers {
            headers.insert(name.clone(), value.clone());
        }
        let mut slot = None;
        if let Some(credential) =
            self.credential.as_ref().filter(|credential| credential.origin == decided.decision.origin)
        {
            headers.insert(credential.header.clone(), credential.value.clone());
            slot = Some(credential.slot.clone());
        }
        record.injected(slot, decided.body.len());
        let mut request = Request::new(Full::new(decided.body));
        *request.method_mut() = match decided.decision.route.method {
            Method::Get => http::Method::GET,
            Method::Head => http::Method::HEAD,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
        };
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        if let Some(view) = &mut record.views {
            view.sent = Some(view_of(&request, self.credential.as_ref().map(|credential| &credential.header)));
        }
        Ok(Injected(request))
    }

    /// Sends, and reads the whole answer: not one byte of it goes on before all of it was looked at.
    async fn send(&self, injected: Injected) -> Result<Response<Bytes>, Stopped> {
        let Injected(request) = injected;
        let upstream = self.upstream.as_ref().ok_or_else(|| {
            Stopped::failed("no_upstream", "the call has no connection to send over", Error::DestinationUnavailable)
        })?;
        let answer = upstream.client.request(request).await.map_err(|error| unreachable_upstream(&error))?;
        let (parts, mut body) = answer.into_parts();
        let limit = self.limits.response_body_bytes;
        let too_large = || {
            Stopped::failed(
                "response_too_large",
                format!("an answer has more than {limit} bytes"),
                Error::HttpResponseBodySize(None),
            )
        };
        if body.size_hint().lower() > limit as u64 {
            return Err(too_large());
        }
        let mut whole: Option<Bytes> = None;
        let mut pieces = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| {
                Stopped::failed("response_incomplete", "the answer was cut off", Error::HttpResponseIncomplete)
            })?;
            let Ok(data) = frame.into_data() else { continue };
            if pieces.len() + whole.as_ref().map_or(0, Bytes::len) + data.len() > limit {
                return Err(too_large());
            }
            let before = self.response_bytes.fetch_add(data.len(), Ordering::Relaxed);
            let all = self.limits.response_bytes_per_call;
            if before + data.len() > all {
                return Err(Stopped::limit(
                    "responses_too_large",
                    format!("{all} bytes of upstream answers"),
                    Error::HttpResponseBodySize(None),
                ));
            }
            // A body that comes in one piece is not copied.
            match whole.take() {
                None if pieces.is_empty() => whole = Some(data),
                None => pieces.extend_from_slice(&data),
                Some(first) => {
                    pieces.extend_from_slice(&first);
                    pieces.extend_from_slice(&data);
                }
            }
        }
        Ok(Response::from_parts(parts, whole.unwrap_or_else(|| pieces.freeze())))
    }

    fn clean(&self, answer: Response<Bytes>, record: &mut Record) -> Result<Response<WasiBody>, Stopped> {
        let (parts, body) = answer.into_parts();
        record.answered(parts.status.as_u16(), body.len());
        let reflected = |form| Stopped {
            breach: Some(Breach::Reflected { form }),
            code: "credential_reflected",
            rule: format!("the answer holds the credential as {form}"),
            error: Error::HttpProtocolError,
        };
        if parts.headers.len() > MAX_FIELDS {
            return Err(Stopped::failed(
                "response_headers",
                format!("the answer has more than {MAX_FIELDS} header fields"),
                Error::HttpResponseHeaderSectionSize(None),
            ));
        }
        for (name, value) in &parts.headers {
            if let Some(form) =
                self.secret_form(name.as_str().as_bytes()).or_else(|| self.secret_form(value.as_bytes()))
            {
                return Err(reflected(form));
            }
        }
        // Compressed bytes cannot be looked through, so only what was asked for is taken.
        let plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        if parts.headers.get_all(CONTENT_ENCODING).iter().any(|value| !plain(value)) {
            return Err(Stopped::failed(
                "response_encoding",
                "the answer is encoded although identity was asked for",
                Error::HttpResponseContentCoding(None),
            ));
        }
        if let Some(form) = self.secret_form(&body) {
            return Err(reflected(form));
        }
        let declared: &[String] = record
            .origin
            .as_ref()
            .and_then(|name| self.origins.iter().find(|origin| origin.declared.name == *name))
            .map_or(&[], |origin| &origin.declared.response_headers);
        let mut shown = Response::new(Full::new(body).map_err(Error::from).boxed_unsync());
        *shown.status_mut() = parts.status;
        for (name, value) in &parts.headers {
            if response_header_visible(name.as_str(), declared) {
                shown.headers_mut().append(name.clone(), value.clone());
            }
        }
        Ok(shown)
    }

    fn record(&self, record: Record, answer: Result<Response<WasiBody>, Stopped>) -> Result<Response<WasiBody>, Error> {
        let stopped = answer.as_ref().err();
        if let (Some(observer), Some(views)) = (&self.observer, &record.views) {
            observer.exchanged(&Exchange {
                tool: self.tool.clone(),
                asked: views.asked.clone(),
                sent: views.sent.clone(),
                decision: stopped.map_or_else(|| record.rule.clone(), |stopped| stopped.rule.clone()),
                refused: stopped.filter(|stopped| stopped.is_refusal()).map(|stopped| stopped.code),
                status: record.status,
                duration: record.begun.elapsed(),
            });
        }
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() < MAX_RECORDS {
            records.push(record.finish(stopped));
        }
        drop(records);
        answer.map_err(|stopped| {
            if let Some(breach) = stopped.breach {
                self.breach.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(breach);
            }
            stopped.error
        })
    }
}

fn canonicalise(asked: &Asked) -> Result<Target, Stopped> {
    let uri = &asked.parts.uri;
    // `Uri` has parsed the text already; `to_string` gives it back as the connector wrote it.
    Target::parse(&uri.to_string()).map_err(|error| Stopped::denied(error.code(), error.to_string()))
}

/// Says why the upstream was not reached, without the words of libraries that print requests.
fn unreachable_upstream(error: &hyper_util::client::legacy::Error) -> Stopped {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<AddressRefused>() {
            return Stopped {
                breach: Some(Breach::Denied { code: "address_not_public", rule: refused.to_string() }),
                code: "address_not_public",
                rule: refused.to_string(),
                error: Error::DestinationIpProhibited,
            };
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            match io.kind() {
                std::io::ErrorKind::TimedOut => {
                    return Stopped::failed(
                        "connect_timeout",
                        "the upstream did not accept a connection in time",
                        Error::ConnectionTimeout,
                    );
                }
                std::io::ErrorKind::ConnectionRefused => {
                    return Stopped::failed(
                        "connection_refused",
                        "the upstream refused the connection",
                        Error::ConnectionRefused,
                    );
                }
                _ => {}
            }
        }
        if inner.downcast_ref::<rustls::Error>().is_some() {
            return Stopped::failed(
                "tls_failed",
                "the upstream's certificate or TLS could not be trusted",
                Error::TlsCertificateError,
            );
        }
        cause = inner.source();
    }
    if error.is_connect() {
        Stopped::failed("unreachable", "the upstream could not be reached", Error::DestinationUnavailable)
    } else {
        Stopped::failed(
            "response_incomplete",
            "the upstream closed the connection before it answered",
            Error::ConnectionTerminated,
        )
    }
}

/// What one request leaves behind, filled in on its way.
struct Record {
    at: jiff::Timestamp,
    begun: Instant,
    method: String,
    origin: Option<String>,
    template: Option<String>,
    parameters: Vec<(String, String)>,
    rule: String,
    slot: Option<String>,
    status: Option<u16>,
    request_bytes: usize,
    response_bytes: usize,
    views: Option<Views>,
}

struct Views {
    asked: RequestView,
    sent: Option<RequestView>,
}

impl Record {
    fn new(request: &Request<WasiBody>, begun: Instant, observed: bool) -> Self {
        Self {
            at: jiff::Timestamp::now(),
            begun,
            method: request.method().as_str().chars().take(16).collect(),
            origin: None,
            template: None,
            parameters: Vec::new(),
            rule: String::new(),
            slot: None,
            status: None,
            request_bytes: 0,
            response_bytes: 0,
            views: observed.then(|| Views { asked: view_of(request, None), sent: None }),
        }
    }

    fn decided(&mut self, decision: &EgressDecision) {
        self.origin = Some(decision.origin.clone());
        self.template = Some(decision.route.path.as_str().to_owned());
        self.parameters.clone_from(&decision.parameters);
        self.rule = format!("route {}", decision.route);
    }

    fn injected(&mut self, slot: Option<String>, request_bytes: usize) {
        self.slot = slot;
        self.request_bytes = request_bytes;
    }

    fn answered(&mut self, status: u16, response_bytes: usize) {
        self.status = Some(status);
        self.response_bytes = response_bytes;
    }

    fn finish(self, stopped: Option<&Stopped>) -> UpstreamRequest {
        let denied = stopped.filter(|stopped| stopped.is_refusal());
        UpstreamRequest {
            at_us: self.at.as_microsecond(),
            method: self.method,
            origin: self.origin.unwrap_or_default(),
            path_template: self.template,
            path_parameters: self.parameters,
            decision: if denied.is_some() { Decision::Refused } else { Decision::Allowed },
            rule: denied.map_or(self.rule, |stopped| format!("{}: {}", stopped.code, stopped.rule)),
            status: self.status,
            request_bytes: self.request_bytes as u64,
            response_bytes: self.response_bytes as u64,
            duration_us: u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX),
            injected: self.slot,
            error: stopped.map(|stopped| stopped.code.to_owned()),
            redactions: u32::from(
                stopped.is_some_and(|stopped| matches!(stopped.breach, Some(Breach::Reflected { .. }))),
            ),
        }
    }
}

fn view_of<B: Body>(request: &Request<B>, masked: Option<&HeaderName>) -> RequestView {
    let shown = |name: &HeaderName, value: &HeaderValue| {
        if Some(name) == masked || value.is_sensitive() {
            MASK.to_owned()
        } else {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        }
    };
    RequestView {
        method: request.method().to_string(),
        url: request.uri().to_string(),
        headers: request.headers().iter().map(|(name, value)| (name.to_string(), shown(name, value))).collect(),
        body_bytes: usize::try_from(request.body().size_hint().lower()).unwrap_or(usize::MAX),
    }
}

/// The one place where `wasi:http` meets the gate; its interface moves between releases of wasmtime.
pub(crate) struct Hooks {
    gate: Arc<Gate>,
}

impl Hooks {
    pub(crate) fn new(gate: Arc<Gate>) -> Self {
        Self { gate }
    }
}

type Sent = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Hooks {
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _finished: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        let passing = Arc::clone(&self.gate).pass(request);
        Box::new(async move {
            let answer = passing.await?;
            let nothing_left: Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> =
                Box::pin(std::future::ready(Ok(())));
            Ok((answer, Box::new(nothing_left) as Box<dyn Future<Output = Result<(), Error>> + Send>))
        })
    }
}
