//! What leaves: where to, on whose decision, with which headers.

use crate::mutants::{Edit, Mutant};

const TARGET: &str = "host/policy/src/target.rs";
const ROUTE: &str = "host/policy/src/route.rs";
const EGRESS: &str = "host/policy/src/egress.rs";
const HEADERS: &str = "host/policy/src/headers.rs";
const RESOLVER: &str = "host/runtime/src/resolver.rs";
const GATE: &str = "host/runtime/src/gate.rs";
const ANSWER: &str = "host/runtime/src/gate/answer.rs";
const LEDGER: &str = "host/runtime/src/gate/ledger.rs";
const UPSTREAM: &str = "host/runtime/src/upstream.rs";
const AUTHORIZE: &str = "host/runtime/src/call/authorize.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    // Destination.
    Mutant {
        id: "scheme",
        defence: "a URL is https",
        edits: &[Edit {
            file: TARGET,
            find: r#"if !scheme.eq_ignore_ascii_case("https") {"#,
            replace: r#"if !{off} && !scheme.eq_ignore_ascii_case("https") {"#,
        }],
        cases: &["destination/http"],
    },
    Mutant {
        id: "user-information",
        defence: "a URL has no user information",
        edits: &[Edit {
            file: TARGET,
            find: "if text.contains('@') {\n        return Err(TargetError::UserInfo);\n    }\n    if text.contains(['[', ']'])",
            replace: "let text = if {off} { text.rsplit('@').next().unwrap_or_default() } else { text };\n    if text.contains('@') {\n        return Err(TargetError::UserInfo);\n    }\n    if text.contains(['[', ']'])",
        }],
        cases: &["destination/user-information", "destination/password"],
    },
    Mutant {
        id: "declared-origin",
        defence: "only declared origins are known",
        edits: &[Edit {
            file: EGRESS,
            find: ".find(|(_, mapping)| mapping.declared == *target.base())",
            replace: ".find(|(_, mapping)| {off} || mapping.declared == *target.base())",
        }],
        cases: &["destination/unlisted-host", "destination/port", "destination/subdomain"],
    },
    Mutant {
        id: "methods",
        defence: "a method is one of six, as it is spelled",
        edits: &[Edit {
            file: EGRESS,
            find: "let verb = Method::parse(method).ok_or_else",
            replace: "let verb = if {off} { Some(Method::Get) } else { Method::parse(method) }.ok_or_else",
        }],
        cases: &["destination/trace", "destination/lower-case-method"],
    },
    Mutant {
        id: "checked-addresses",
        defence: "every address is checked before it is dialled",
        // Of this machine alone: with the defence off, the addresses are dialled.
        edits: &[Edit {
            file: RESOLVER,
            find: "Self::Public => (is_public(address), \"a public\"),",
            replace: "Self::Public => ({off} || is_public(address), \"a public\"),",
        }],
        cases: &["resolving/loopback", "resolving/v6-loopback", "resolving/v4-mapped"],
    },
    Mutant {
        id: "shown-headers",
        defence: "no answer's header that sends the client elsewhere is shown",
        edits: &[Edit {
            file: ANSWER,
            find: "if response_header_visible(name.as_str(), declared) && !is_hop_by_hop(name, headers) {",
            replace: "if {off} || response_header_visible(name.as_str(), declared) && !is_hop_by_hop(name, headers) {",
        }],
        cases: &["destination/redirects"],
    },
    Mutant {
        id: "ip-literals",
        defence: "no base is an address in any spelling",
        edits: &[Edit {
            file: TARGET,
            find: "if last.starts_with(|c: char| c.is_ascii_digit()) {",
            replace: "if !{off} && last.starts_with(|c: char| c.is_ascii_digit()) {",
        }],
        cases: &["load/base-by-address", "load/alternative-by-address"],
    },
    Mutant {
        id: "mixed-answers",
        defence: "one bad address spoils a resolver's answer",
        edits: &[Edit {
            file: RESOLVER,
            find: "addresses.iter().try_for_each(|address|",
            replace: "addresses.iter().take(if {off} { 1 } else { usize::MAX }).try_for_each(|address|",
        }],
        cases: &["resolving/mixed-without-tls"],
    },
    Mutant {
        id: "loopback-without-tls",
        defence: "what is not encrypted stays on the machine",
        edits: &[Edit {
            file: RESOLVER,
            find: "Self::Loopback => (address.to_canonical().is_loopback(),",
            replace: "Self::Loopback => ({off} || address.to_canonical().is_loopback(),",
        }],
        cases: &["resolving/mixed-without-tls"],
    },
    Mutant {
        id: "many-addresses",
        defence: "an answer of a resolver has so many addresses",
        edits: &[Edit {
            file: RESOLVER,
            find: "Ok(Ok(addresses)) if addresses.len() > MAX_ADDRESSES =>",
            replace: "Ok(Ok(addresses)) if !{off} && addresses.len() > MAX_ADDRESSES =>",
        }],
        cases: &["resolving/giant-answer"],
    },
    Mutant {
        id: "lookup-time",
        defence: "a resolver has so much time",
        edits: &[Edit {
            file: RESOLVER,
            find: "tokio::time::timeout(self.limit, self.resolver.resolve(name.as_str()))",
            replace: r#"tokio::time::timeout(
            if {off} { Duration::from_secs(3_600) } else { self.limit },
            self.resolver.resolve(name.as_str()),
        )"#,
        }],
        cases: &["resolving/never-answers"],
    },
    Mutant {
        id: "certificates",
        defence: "a server proves with its certificate who it is",
        edits: &[Edit {
            file: UPSTREAM,
            find: r#"/// TLS with the checks of certificates that rustls does by itself, against these roots.
fn tls(roots: RootCertStore) -> Result<ClientConfig, HostError> {"#,
            replace: r#"#[derive(Debug)]
struct TakesAll;

impl rustls::client::danger::ServerCertVerifier for TakesAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn tls(roots: RootCertStore) -> Result<ClientConfig, HostError> {
    tls_with_checks(roots).map(|mut config| {
        if {off} {
            config.dangerous().set_certificate_verifier(Arc::new(TakesAll));
        }
        config
    })
}

fn tls_with_checks(roots: RootCertStore) -> Result<ClientConfig, HostError> {"#,
        }],
        cases: &["tls/unknown-authority", "tls/other-name", "tls/expired", "tls/not-yet-valid"],
    },
    Mutant {
        id: "own-pool",
        defence: "no connection serves two users",
        edits: &[Edit {
            file: UPSTREAM,
            find: "let key = PoolKey { connection: connection.to_owned(), version, reach };",
            replace: r#"let connection = if {off} { "" } else { connection };
        let key = PoolKey { connection: connection.to_owned(), version, reach };"#,
        }],
        cases: &["tenancy/own-pool"],
    },
    Mutant {
        id: "redirects",
        defence: "redirects are not followed",
        edits: &[Edit {
            file: GATE,
            find: "let answer = client.request(request).await.map_err(|error| no_answer(&error))?;",
            replace: r#"let again = if {off} { Some(request.clone()) } else { None };
        let mut answer = client.request(request).await.map_err(|error| no_answer(&error))?;
        let elsewhere = answer.headers().get(http::header::LOCATION).and_then(|to| to.to_str().ok()?.parse().ok());
        if let (Some(mut again), Some(elsewhere)) = (again, elsewhere) {
            *again.uri_mut() = elsewhere;
            answer = client.request(again).await.map_err(|error| no_answer(&error))?;
        }"#,
        }],
        cases: &["destination/redirects", "destination/redirect-with-body"],
    },
    Mutant {
        id: "proxy",
        defence: "no proxy is taken from the environment",
        edits: &[Edit {
            file: UPSTREAM,
            find: "            Ok(http.call(to).await?)",
            replace: r#"            let proxy = if {off} { std::env::var("HTTP_PROXY").ok() } else { None };
            Ok(http.call(proxy.and_then(|proxy| proxy.parse().ok()).unwrap_or(to)).await?)"#,
        }],
        cases: &["surface/proxy-environment"],
    },
    Mutant {
        id: "named-base",
        defence: "a connection's base is declared, or the operator's",
        edits: &[Edit {
            file: AUTHORIZE,
            find: "if parts.operator_bases.contains(&base) {",
            replace: "if {off} || parts.operator_bases.contains(&base) {",
        }],
        cases: &["destination/unnamed-base"],
    },
    Mutant {
        id: "credentials-origin",
        defence: "the credential goes to the origin that it is bound to",
        edits: &[Edit {
            file: GATE,
            find: ".filter(|credential| credential.origin == decision.origin)",
            replace: ".filter(|credential| {off} || credential.origin == decision.origin)",
        }],
        cases: &["destination/second-origin"],
    },
    // Path and scope.
    Mutant {
        id: "dot-segments",
        defence: "no segment is empty or made of dots",
        edits: &[Edit {
            file: TARGET,
            find: r#"if segment.is_empty() || segment == "." || segment == ".." {
            return Err(TargetError::Segment);"#,
            replace: r#"if !{off} && (segment.is_empty() || segment == "." || segment == "..") {
            return Err(TargetError::Segment);"#,
        }],
        cases: &["path/dot-segments", "path/double-slash", "path/single-dots"],
    },
    Mutant {
        id: "encoded-separators",
        defence: "no separator or dot is encoded",
        edits: &[Edit {
            file: TARGET,
            find: "if in_path && (unreserved(decoded)",
            replace: "if !{off} && in_path && (unreserved(decoded)",
        }],
        cases: &["path/encoded-slash", "path/encoded-backslash"],
    },
    Mutant {
        id: "path-characters",
        defence: "a path holds only characters that every parser reads alike",
        edits: &[Edit {
            file: TARGET,
            find: "            if !plain(byte) {",
            replace: "            if !{off} && !plain(byte) {",
        }],
        cases: &["path/semicolon"],
    },
    Mutant {
        id: "whole-path",
        defence: "a route fits the whole path",
        edits: &[Edit {
            file: ROUTE,
            find: "actual.next().is_none().then_some(parameters)",
            replace: "({off} || actual.next().is_none()).then_some(parameters)",
        }],
        cases: &["path/longer"],
    },
    Mutant {
        id: "declared-method",
        defence: "a route is of one method",
        edits: &[Edit {
            file: EGRESS,
            find: "route.method == verb && route.origin == *name",
            replace: "({off} || route.method == verb) && route.origin == *name",
        }],
        cases: &["scope/write-under-read"],
    },
    Mutant {
        id: "declared-operation",
        defence: "no parameter's value holds another operation",
        edits: &[Edit {
            file: ROUTE,
            find: "if value.is_empty() || value.contains(':') {",
            replace: "if value.is_empty() || !{off} && value.contains(':') {",
        }],
        cases: &["path/operation"],
    },
    Mutant {
        id: "declared-path",
        defence: "a tool makes the requests that it declared itself",
        edits: &[Edit {
            file: ROUTE,
            find: "Segment::Literal(_) => return None,",
            replace: "Segment::Literal(_) if {off} => {}\n                Segment::Literal(_) => return None,",
        }],
        cases: &["path/case"],
    },
    Mutant {
        id: "body-on-read",
        defence: "a read has no body",
        edits: &[Edit {
            file: GATE,
            find: "if method.is_safe() && !bytes.is_empty() {",
            replace: "if !{off} && method.is_safe() && !bytes.is_empty() {",
        }],
        cases: &["scope/body-on-read"],
    },
    Mutant {
        id: "after-a-breach",
        defence: "a call that broke a rule sends nothing more",
        edits: &[Edit {
            file: LEDGER,
            find: "        self.closed || self.breach.is_some()\n",
            replace: "        !{off} && (self.closed || self.breach.is_some())\n",
        }],
        cases: &["scope/after-refusal"],
    },
    Mutant {
        id: "url-length",
        defence: "a URL has so many bytes",
        edits: &[Edit {
            file: TARGET,
            find: "if url.len() > MAX_URL_BYTES {",
            replace: "if !{off} && url.len() > MAX_URL_BYTES {",
        }],
        cases: &["path/too-long"],
    },
    Mutant {
        id: "decided-at-once",
        defence: "the decision is made in the component's own call",
        edits: &[Edit {
            file: "host/runtime/src/gate/outgoing_handler.rs",
            find: r#"        Ok(match self.gate.admit(&parts) {
            Ok"#,
            replace: r#"        if {off} {
            let request = Request::from_parts(parts, body);
            return Ok(self.in_flight.begin(Arc::clone(&self.gate).exchange(request)));
        }
        Ok(match self.gate.admit(&parts) {
            Ok"#,
        }],
        cases: &["scope/outruns-the-decision", "scope/outruns-bodiless"],
    },
    Mutant {
        id: "refusals-alike",
        defence: "every refusal looks the same to the component",
        edits: &[Edit {
            file: "host/runtime/src/gate/stopped.rs",
            find: "Self::broken(Breach::Denied { code, rule: rule.clone() }, code, rule, ErrorCode::HttpRequestDenied)",
            replace: r#"let error =
            if {off} { ErrorCode::InternalError(Some(rule.clone())) } else { ErrorCode::HttpRequestDenied };
        Self::broken(Breach::Denied { code, rule: rule.clone() }, code, rule, error)"#,
        }],
        cases: &["channels/denial-oracle"],
    },
    // Headers.
    Mutant {
        id: "hosts-own-headers",
        defence: "identity, routing and framing are the host's",
        edits: &[Edit {
            file: HEADERS,
            find: "    if is_host_owned(name) {\n        return RequestHeader::HostOwned;",
            replace: "    if {off} {\n        return RequestHeader::Sent;\n    }\n    if is_host_owned(name) {\n        return RequestHeader::HostOwned;",
        }],
        cases: &["headers/range", "headers/cookie", "headers/method-override", "headers/forwarded-for"],
    },
    Mutant {
        id: "credentials-header",
        defence: "the credential's header is the host's",
        edits: &[Edit {
            file: HEADERS,
            find: "if injected.iter().any(|injected| is_same_name(name, injected)) {",
            replace: "if !{off} && injected.iter().any(|injected| is_same_name(name, injected)) {",
        }],
        cases: &["headers/credential-header"],
    },
    Mutant {
        id: "declared-headers",
        defence: "a header is common or declared",
        edits: &[Edit {
            file: GATE,
            find: "                RequestHeader::Undeclared => {\n",
            replace: "                RequestHeader::Undeclared if {off} => {\n                    headers.append(name.clone(), value.clone());\n                }\n                RequestHeader::Undeclared => {\n",
        }],
        cases: &["headers/undeclared"],
    },
    Mutant {
        id: "request-trailers",
        defence: "a request has no trailers",
        edits: &[Edit {
            file: GATE,
            find: "if frame.into_trailers().is_ok_and(|trailers| !trailers.is_empty()) {",
            replace: "if !{off} && frame.into_trailers().is_ok_and(|trailers| !trailers.is_empty()) {",
        }],
        cases: &["headers/trailers"],
    },
    Mutant {
        id: "account-header",
        defence: "the header of the account is the host's to write",
        edits: &[Edit {
            file: GATE,
            find: "for (name, value) in &self.origin(origin)?.account_headers {",
            replace: "for (name, value) in self.origin(origin)?.account_headers.iter().filter(|_| !{off}) {",
        }],
        cases: &["headers/from"],
    },
    Mutant {
        id: "accept-encoding",
        defence: "no encoding is asked for",
        edits: &[Edit {
            file: GATE,
            find: r#"headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));"#,
            replace: r#"if !{off} {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }"#,
        }],
        cases: &["reflection/compressed"],
    },
    Mutant {
        id: "request-fields",
        defence: "a request has so many header fields",
        edits: &[Edit {
            file: GATE,
            find: "if parts.headers.len() > most {",
            replace: "if !{off} && parts.headers.len() > most {",
        }],
        cases: &["resources/header-fields-some"],
    },
];
