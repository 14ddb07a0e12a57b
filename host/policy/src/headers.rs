//! Which headers a connector may send, which belong to the host, and which it may see in an answer.

/// What happens to a request header that a connector set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestHeader {
    /// It is sent as it is.
    Sent,
    /// The host writes its own; the connector's is left out. Standard client libraries set these unasked.
    Replaced,
    /// Identity, routing or framing: the request is refused.
    HostOwned,
    /// Neither in the common list nor declared by the origin: the request is refused.
    Undeclared,
}

/// Request headers that every connector may set.
const COMMON_REQUEST: [&str; 5] = ["accept", "content-type", "if-match", "if-none-match", "idempotency-key"];

/// Request headers that client libraries set unasked and the host replaces.
const REPLACED_REQUEST: [&str; 3] = ["content-length", "host", "user-agent"];

/// Request headers that carry identity, choose where a request goes or what it does, or frame it. An encoded body
/// (`content-encoding`) is one that nobody on the way can read; `private-token` and `sudo` are GitLab's for who asks.
const HOST_OWNED: [&str; 40] = [
    "accept-encoding",
    "alt-used",
    "authorization",
    "cdn-loop",
    "client-ip",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "cookie2",
    "dpop",
    "early-data",
    "expect",
    "fastly-client-ip",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "if-range",
    "keep-alive",
    "max-forwards",
    "origin",
    "private-token",
    "range",
    "referer",
    "remote-user",
    "set-cookie",
    "set-cookie2",
    "sudo",
    "te",
    "trailer",
    "transfer-encoding",
    "true-client-ip",
    "upgrade",
    "user-agent",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-host",
    "x-real-ip",
];

/// Prefixes of header names that belong to the host: `x-http-method-override` and its like, the headers by which
/// proxies tell a server another host, path, client or user (Cloudflare's begin with `cf-`), and those that browsers
/// keep to themselves.
const HOST_OWNED_PREFIXES: [&str; 11] = [
    "cf-",
    "proxy-",
    "sec-",
    "x-envoy-",
    "x-forward",
    "x-http-",
    "x-method",
    "x-original-",
    "x-override-",
    "x-remote-",
    "x-rewrite-",
];

/// Response headers that every connector may see.
const COMMON_RESPONSE: [&str; 5] = ["content-type", "date", "etag", "link", "retry-after"];

/// Response headers that no declaration can make visible: they carry credentials, send the client elsewhere, or
/// frame what the host has read already.
const NEVER_IN_RESPONSE: [&str; 16] = [
    "authentication-info",
    "authorization",
    "connection",
    "cookie",
    "keep-alive",
    "location",
    "proxy-authenticate",
    "proxy-authentication-info",
    "refresh",
    "set-cookie",
    "set-cookie2",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
];

/// Longest header name that a connector may declare, in bytes.
pub const MAX_HEADER_NAME_BYTES: usize = 64;

/// A byte of a name as servers tell it apart from others: in lower case (RFC 9110, section 5.1), and with `_` as `-`,
/// which gateways that hand headers on as variables (CGI, WSGI) make one (RFC 3875, section 4.1.18).
fn folded(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
}

/// Whether two names are one to some server.
#[must_use]
pub fn is_same_name(one: &str, other: &str) -> bool {
    one.len() == other.len() && begins_with(one, other)
}

/// Whether some server takes a name for one with this prefix.
fn begins_with(name: &str, prefix: &str) -> bool {
    name.len() >= prefix.len() && name.bytes().zip(prefix.bytes()).all(|(one, other)| folded(one) == folded(other))
}

/// Whether a header of this name, in any spelling, is the host's alone in requests.
#[must_use]
pub fn is_host_owned(name: &str) -> bool {
    HOST_OWNED.iter().any(|owned| is_same_name(name, owned))
        || HOST_OWNED_PREFIXES.iter().any(|prefix| begins_with(name, prefix))
}

/// Decides about one request header, whatever the case of its name. `declared` are the origin's
/// `request-headers`; `injected` are the names that the host writes on this request (the credential's and the
/// account headers).
#[must_use]
pub fn request_header(name: &str, declared: &[String], injected: &[&str]) -> RequestHeader {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    if injected.iter().any(|injected| is_same_name(name, injected)) {
        return RequestHeader::HostOwned;
    }
    // The exact name: `user_agent` is nothing that a library sets unasked.
    if REPLACED_REQUEST.iter().any(|replaced| is(replaced)) {
        return RequestHeader::Replaced;
    }
    if is_host_owned(name) {
        return RequestHeader::HostOwned;
    }
    if COMMON_REQUEST.iter().any(|common| is(common)) || declared.iter().any(|declared| is(declared)) {
        return RequestHeader::Sent;
    }
    RequestHeader::Undeclared
}

fn is_never_in_response(name: &str) -> bool {
    NEVER_IN_RESPONSE.iter().any(|never| is_same_name(name, never))
}

/// Whether a connector may see this response header, whatever the case of its name. `declared` are the origin's
/// `response-headers`.
#[must_use]
pub fn response_header_visible(name: &str, declared: &[String]) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let is_rate_limit = name.get(..10).is_some_and(|prefix| prefix.eq_ignore_ascii_case("ratelimit-"));
    !is_never_in_response(name)
        && (COMMON_RESPONSE.iter().any(|common| is(common))
            || is_rate_limit
            || declared.iter().any(|declared| is(declared)))
}

/// Whether a name can stand in a declaration: lower-case token (RFC 9110, section 5.6.2), bounded.
#[must_use]
pub fn is_declarable_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_HEADER_NAME_BYTES
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

/// Whether a response header may be declared visible.
#[must_use]
pub fn is_declarable_response(name: &str) -> bool {
    is_declarable_name(name) && !is_never_in_response(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_headers_are_the_hosts_whatever_is_declared() {
        let declared = vec!["from".to_owned(), "authorization".to_owned(), "x-api-key".to_owned()];
        for name in [
            "authorization",
            "from",
            "cookie",
            "proxy-authorization",
            "range",
            "accept-encoding",
            "x-http-method-override",
            "X_HTTP_Method",
            "transfer_encoding",
            "x-method-override",
            "x-original-url",
            "x-forwarded",
            "X-Forwarded-Host",
            "remote-user",
            "REMOTE_USER",
            "x-remote-user",
            "x-remote-group",
            "cf-connecting-ip",
            "fastly-client-ip",
            "x-cluster-client-ip",
            "client-ip",
            "x-envoy-original-path",
            "private-token",
            "sudo",
            "content-encoding",
        ] {
            assert_eq!(request_header(name, &declared, &[]), RequestHeader::HostOwned, "{name}");
        }
        for name in ["x-remote", "cfg", "sudoku", "x-env"] {
            assert_eq!(request_header(name, &[name.to_owned()], &[]), RequestHeader::Sent, "{name}");
        }
        for spelling in ["x-api-key", "X-Api-Key", "x_api_key", "X-API_KEY"] {
            let declared = [declared.clone(), vec![spelling.to_owned()]].concat();
            assert_eq!(request_header(spelling, &declared, &["x-api-key"]), RequestHeader::HostOwned, "{spelling}");
        }
        assert_eq!(request_header("x-api-key", &declared, &[]), RequestHeader::Sent);
        assert_eq!(request_header("x-early-access", &[], &[]), RequestHeader::Undeclared);
        assert_eq!(request_header("user-agent", &[], &[]), RequestHeader::Replaced);
    }

    #[test]
    fn cookies_and_redirects_are_never_visible() {
        let declared = vec!["set-cookie".to_owned(), "location".to_owned(), "x-request-id".to_owned()];
        assert!(!response_header_visible("set-cookie", &declared));
        assert!(!response_header_visible("location", &declared));
        assert!(!response_header_visible("Set_Cookie", &["set_cookie".to_owned()]));
        assert!(response_header_visible("x-request-id", &declared));
        assert!(response_header_visible("RateLimit-Reset", &[]));
        assert!(!response_header_visible("server", &[]));
    }
}
