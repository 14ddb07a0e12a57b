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

/// Request headers that carry identity, choose where a request goes, or frame it.
const HOST_OWNED: [&str; 27] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "cookie2",
    "expect",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "origin",
    "range",
    "if-range",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
];

/// Prefixes of header names that belong to the host.
const HOST_OWNED_PREFIXES: [&str; 4] = ["proxy-", "sec-", "x-forwarded-", "x-rewrite-"];

/// Response headers that every connector may see.
const COMMON_RESPONSE: [&str; 5] = ["content-type", "date", "etag", "link", "retry-after"];

/// Response headers that no declaration can make visible: they carry credentials or send the client elsewhere.
const NEVER_IN_RESPONSE: [&str; 6] =
    ["authorization", "location", "set-cookie", "set-cookie2", "www-authenticate", "proxy-authenticate"];

/// Longest header name that a connector may declare, in bytes.
pub const MAX_HEADER_NAME_BYTES: usize = 64;

/// Whether the name, in lower case, is the host's alone in requests.
#[must_use]
pub fn is_host_owned(name: &str) -> bool {
    HOST_OWNED.contains(&name) || HOST_OWNED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Decides about one request header. `declared` are the origin's `request-headers`; `injected` are the
/// names that the host writes on this request (the credential's and the account headers).
#[must_use]
pub fn request_header(name: &str, declared: &[String], injected: &[&str]) -> RequestHeader {
    if injected.contains(&name) {
        return RequestHeader::HostOwned;
    }
    if REPLACED_REQUEST.contains(&name) {
        return RequestHeader::Replaced;
    }
    if is_host_owned(name) {
        return RequestHeader::HostOwned;
    }
    if COMMON_REQUEST.contains(&name) || declared.iter().any(|d| d == name) {
        return RequestHeader::Sent;
    }
    RequestHeader::Undeclared
}

/// Whether a connector may see this response header. `declared` are the origin's `response-headers`.
#[must_use]
pub fn response_header_visible(name: &str, declared: &[String]) -> bool {
    !NEVER_IN_RESPONSE.contains(&name)
        && (COMMON_RESPONSE.contains(&name) || name.starts_with("ratelimit-") || declared.iter().any(|d| d == name))
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
    is_declarable_name(name) && !NEVER_IN_RESPONSE.contains(&name)
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
        ] {
            assert_eq!(request_header(name, &declared, &[]), RequestHeader::HostOwned, "{name}");
        }
        assert_eq!(request_header("x-api-key", &declared, &["x-api-key"]), RequestHeader::HostOwned);
        assert_eq!(request_header("x-api-key", &declared, &[]), RequestHeader::Sent);
        assert_eq!(request_header("x-early-access", &[], &[]), RequestHeader::Undeclared);
        assert_eq!(request_header("user-agent", &[], &[]), RequestHeader::Replaced);
    }

    #[test]
    fn cookies_and_redirects_are_never_visible() {
        let declared = vec!["set-cookie".to_owned(), "location".to_owned(), "x-request-id".to_owned()];
        assert!(!response_header_visible("set-cookie", &declared));
        assert!(!response_header_visible("location", &declared));
        assert!(response_header_visible("x-request-id", &declared));
        assert!(response_header_visible("ratelimit-reset", &[]));
        assert!(!response_header_visible("server", &[]));
    }
}
