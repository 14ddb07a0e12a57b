//! Why a request gave no answer: a stable code, the rule in words for the operator, what the guest is told, and
//! whether the call must fail for it.

use std::error::Error as StdError;

use wasmtime_wasi_http::p2::bindings::http::types::{DnsErrorPayload, ErrorCode};

use crate::resolver::{AddressRefused, LookupFailed};

/// Why a call must fail, whatever the guest makes of it.
#[derive(Debug, Clone)]
pub(crate) enum Breach {
    /// It asked for a request that its tool did not declare.
    Denied { code: &'static str, rule: String },
    /// Its connection does not stand any more, or nobody can say whether it does.
    Connection { code: &'static str, rule: String },
    /// The upstream's name leads to an address that is not public.
    Address { rule: String },
    /// An answer held the credential.
    Reflected { form: &'static str },
    /// It used up a limit.
    Limit { code: &'static str, limit: String },
}

impl Breach {
    /// The connector's own request held the credential.
    pub(super) fn carried(form: &'static str) -> Self {
        let rule = format!("the connector's own request holds the credential as {form}");
        Self::Denied { code: "credential_in_request", rule }
    }

    /// The rule in words.
    pub(super) fn rule(&self) -> &str {
        match self {
            Self::Denied { rule, .. } | Self::Connection { rule, .. } | Self::Address { rule } => rule,
            Self::Limit { limit, .. } => limit,
            Self::Reflected { form } => form,
        }
    }
}

/// Why one request did not give an answer.
pub(super) struct Stopped {
    pub(super) breach: Option<Breach>,
    pub(super) code: &'static str,
    pub(super) rule: String,
    pub(super) error: ErrorCode,
    /// It was about to leave, and there was no connection that it could leave by.
    pub(super) did_not_leave: bool,
}

impl Stopped {
    pub(super) fn denied(code: &'static str, rule: impl Into<String>) -> Self {
        let rule = rule.into();
        Self::broken(Breach::Denied { code, rule: rule.clone() }, code, rule, ErrorCode::HttpRequestDenied)
    }

    pub(super) fn limit(code: &'static str, limit: String, error: ErrorCode) -> Self {
        Self::broken(Breach::Limit { code, limit: limit.clone() }, code, limit, error)
    }

    pub(super) fn failed(code: &'static str, rule: impl Into<String>, error: ErrorCode) -> Self {
        Self { breach: None, code, rule: rule.into(), error, did_not_leave: false }
    }

    pub(super) fn reflected(form: &'static str) -> Self {
        let rule = format!("the answer holds the credential as {form}");
        Self::broken(Breach::Reflected { form }, "credential_reflected", rule, ErrorCode::HttpProtocolError)
    }

    pub(super) fn broken(breach: Breach, code: &'static str, rule: String, error: ErrorCode) -> Self {
        Self { breach: Some(breach), code, rule, error, did_not_leave: false }
    }
}

/// Says why the upstream gave no answer, without the words of libraries that print requests.
pub(super) fn no_answer(error: &hyper_util::client::legacy::Error) -> Stopped {
    // The client gives a request to a connection that stands, and to no other.
    Stopped { did_not_leave: error.is_connect(), ..why_no_answer(error) }
}

fn why_no_answer(error: &hyper_util::client::legacy::Error) -> Stopped {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<AddressRefused>() {
            let rule = refused.to_string();
            // As for every other refusal: a guest learns nothing of the network from it.
            let error = ErrorCode::HttpRequestDenied;
            return Stopped::broken(Breach::Address { rule: rule.clone() }, "address_not_public", rule, error);
        }
        if let Some(failed) = inner.downcast_ref::<LookupFailed>() {
            let (code, error) = match failed {
                LookupFailed::NoAddress => {
                    ("name_not_resolved", ErrorCode::DnsError(DnsErrorPayload { rcode: None, info_code: None }))
                }
                LookupFailed::TimedOut => ("lookup_timeout", ErrorCode::DnsTimeout),
                LookupFailed::TooMany => {
                    ("lookup_too_large", ErrorCode::DnsError(DnsErrorPayload { rcode: None, info_code: None }))
                }
            };
            return Stopped::failed(code, failed.to_string(), error);
        }
        if let Some(error) = inner.downcast_ref::<hyper::Error>().filter(|error| error.is_parse()) {
            return if error.is_parse_too_large() {
                let rule = "the head of the answer is too large";
                Stopped::failed("response_headers", rule, ErrorCode::HttpResponseHeaderSectionSize(None))
            } else {
                Stopped::failed("response_malformed", "the answer is not HTTP/1", ErrorCode::HttpProtocolError)
            };
        }
        if inner.downcast_ref::<rustls::Error>().is_some() {
            let rule = "the upstream's certificate or TLS could not be trusted";
            return Stopped::failed("tls_failed", rule, ErrorCode::TlsCertificateError);
        }
        let io = inner.downcast_ref::<std::io::Error>();
        match io.map(std::io::Error::kind) {
            Some(std::io::ErrorKind::TimedOut) => {
                let rule = "the upstream did not accept a connection in time";
                return Stopped::failed("connect_timeout", rule, ErrorCode::ConnectionTimeout);
            }
            Some(std::io::ErrorKind::ConnectionRefused) => {
                let rule = "the upstream refused the connection";
                return Stopped::failed("connection_refused", rule, ErrorCode::ConnectionRefused);
            }
            _ => {}
        }
        // The source of an I/O error skips the error that it wraps.
        cause = match io.and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => inner.source(),
        };
    }
    if error.is_connect() {
        Stopped::failed("unreachable", "the upstream could not be reached", ErrorCode::DestinationUnavailable)
    } else {
        let rule = "the upstream closed the connection before it answered";
        Stopped::failed("response_incomplete", rule, ErrorCode::ConnectionTerminated)
    }
}
