//! Where a request wants to go, in the one spelling that is decided on and sent.
//!
//! A [`Target`] is made from text and printed back to text; nothing between rewrites it. Spellings that two
//! programs could read differently (dot segments, encoded slashes, user information, IP literals) are refused
//! rather than normalised, because a connector has no honest use for them.

use std::fmt;

/// Longest URL that a connector may ask for, in bytes. Servers commonly refuse more than 8 KiB of request line.
pub const MAX_URL_BYTES: usize = 8 * 1024;

/// Longest host name, in bytes (RFC 1035, section 2.3.4, without the trailing dot).
const MAX_HOST_BYTES: usize = 253;

/// Why a URL is not one that the host sends. The texts are for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Longer than [`MAX_URL_BYTES`].
    #[error("the URL has {0} bytes; at most {MAX_URL_BYTES} are sent")]
    TooLong(usize),
    /// Not `https`, or no scheme.
    #[error("the scheme is not https")]
    Scheme,
    /// `user@host`.
    #[error("the URL carries user information")]
    UserInfo,
    /// The host is empty, malformed, not ASCII or ends in a dot.
    #[error("the host name is malformed")]
    Host,
    /// An IP address in any spelling.
    #[error("the host is an IP literal")]
    IpLiteral,
    /// The port is not 1 to 65535 in plain decimal.
    #[error("the port is malformed")]
    Port,
    /// The path is empty or does not begin with `/`.
    #[error("the path does not begin with a slash")]
    PathStart,
    /// An empty, `.` or `..` segment, raw or encoded.
    #[error("the path holds an empty or a dot segment")]
    Segment,
    /// A character that is not allowed where it stands, or a broken percent triple.
    #[error("the URL holds a character that is not sent as it is")]
    Character,
    /// `%2F`, `%5C`, `%2E` or another encoding of a character that needs none.
    #[error("the path encodes a character that needs no encoding, or a separator")]
    Encoding,
    /// `#fragment`.
    #[error("the URL carries a fragment")]
    Fragment,
}

impl TargetError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "url_too_long",
            Self::Scheme => "url_scheme",
            Self::UserInfo => "url_user_information",
            Self::Host => "url_host",
            Self::IpLiteral => "url_ip_literal",
            Self::Port => "url_port",
            Self::PathStart => "url_path",
            Self::Segment => "url_segment",
            Self::Character => "url_character",
            Self::Encoding => "url_encoding",
            Self::Fragment => "url_fragment",
        }
    }
}

/// `https://host[:port]`, in lower case, without a default port. For an operator's override also `http` on
/// loopback.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Base {
    https: bool,
    host: String,
    port: u16,
}

impl Base {
    /// Reads a declared base: `https://host` or `https://host:port`, nothing after it.
    ///
    /// # Errors
    /// [`TargetError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let rest = text.strip_prefix("https://").ok_or(TargetError::Scheme)?;
        let (host, port) = authority(rest, 443)?;
        Ok(Self { https: true, host, port })
    }

    /// Reads a base that an operator named: a declared form, or `http://` on a loopback address
    /// (`127.0.0.0/8`, `[::1]`, `localhost`) for a simulator.
    ///
    /// # Errors
    /// [`TargetError`] for anything else.
    pub fn parse_operator(text: &str) -> Result<Self, TargetError> {
        let trimmed = text.strip_suffix('/').unwrap_or(text);
        let Some(rest) = trimmed.strip_prefix("http://") else { return Self::parse(trimmed) };
        let (host_text, port_text) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let literal = host_text.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host_text);
        let loopback =
            host_text == "localhost" || literal.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        if !loopback {
            return Err(TargetError::Scheme);
        }
        let port = port_text.map_or(Ok(80), port_number)?;
        Ok(Self { https: false, host: host_text.to_owned(), port })
    }

    /// Whether the connection uses TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The host name, or for an operator's loopback base the literal (IPv6 in brackets).
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, 1 to 65535.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host` or `host:port`, as the `Host` header has it (RFC 9110, section 7.2).
    #[must_use]
    pub fn authority(&self) -> String {
        let default = if self.https { 443 } else { 80 };
        if self.port == default { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.https { "https" } else { "http" }, self.authority())
    }
}

/// A canonical request target: base, path and query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    base: Base,
    path: String,
    query: Option<String>,
}

impl Target {
    /// Reads an absolute URL as a connector wrote it.
    ///
    /// # Errors
    /// [`TargetError`] says which rule the URL breaks.
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        if url.len() > MAX_URL_BYTES {
            return Err(TargetError::TooLong(url.len()));
        }
        if url.contains('#') {
            return Err(TargetError::Fragment);
        }
        let scheme_end = url.find("://").ok_or(TargetError::Scheme)?;
        let (scheme, rest) = url.split_at(scheme_end);
        if !scheme.eq_ignore_ascii_case("https") {
            return Err(TargetError::Scheme);
        }
        let rest = rest.strip_prefix("://").ok_or(TargetError::Scheme)?;
        let authority_end = rest.find(['/', '?', '\\']).unwrap_or(rest.len());
        let (authority_text, path_and_query) = rest.split_at(authority_end);
        let (host, port) = authority(authority_text, 443)?;
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path_and_query, None),
        };
        check_path(path)?;
        if let Some(query) = query {
            check_query(query)?;
        }
        Ok(Self { base: Base { https: true, host, port }, path: path.to_owned(), query: query.map(ToOwned::to_owned) })
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// The path, beginning with `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query without `?`. It may hold personal data: never log it.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The segments between the slashes, none of them empty; none at all for `/`.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').skip(1).filter(|segment| !segment.is_empty())
    }

    /// Path and query as they go on the request line.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.base, self.path_and_query())
    }
}

/// Splits `host[:port]` and checks both; gives the host in lower case.
fn authority(text: &str, default_port: u16) -> Result<(String, u16), TargetError> {
    if text.contains('@') {
        return Err(TargetError::UserInfo);
    }
    if text.contains(['[', ']']) {
        return Err(TargetError::IpLiteral);
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, port_number(port)?),
        None => (text, default_port),
    };
    let host = host.to_ascii_lowercase();
    check_host(&host)?;
    Ok((host, port))
}

fn port_number(text: &str) -> Result<u16, TargetError> {
    let plain = !text.is_empty() && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    if !plain {
        return Err(TargetError::Port);
    }
    text.parse().map_err(|_| TargetError::Port)
}

/// A DNS name of at least two labels whose last label is not a number: every spelling of an IPv4 address
/// (decimal, octal, hexadecimal, short) ends in a number or has a single label.
fn check_host(host: &str) -> Result<(), TargetError> {
    if host.is_empty() || host.len() > MAX_HOST_BYTES {
        return Err(TargetError::Host);
    }
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if !host.split('.').all(label_ok) {
        return Err(TargetError::Host);
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    if last.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(TargetError::IpLiteral);
    }
    if !host.contains('.') {
        return Err(TargetError::Host);
    }
    Ok(())
}

fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn check_path(path: &str) -> Result<(), TargetError> {
    if !path.starts_with('/') {
        return Err(TargetError::PathStart);
    }
    let inner = path.strip_prefix('/').unwrap_or_default();
    if inner.is_empty() {
        return Ok(());
    }
    for segment in inner.split('/') {
        if segment.is_empty() || segment == "." || segment == ".." {
            return Err(TargetError::Segment);
        }
        check_bytes(
            segment,
            |byte| {
                unreserved(byte)
                    || matches!(
                        byte,
                        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@'
                    )
            },
            true,
        )?;
    }
    Ok(())
}

fn check_query(query: &str) -> Result<(), TargetError> {
    // RFC 3986 query characters, and brackets, which many APIs use in names and every server takes.
    check_bytes(
        query,
        |byte| {
            (0x21..=0x7e).contains(&byte)
                && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'}' | b'|' | b'#' | b'%')
        },
        false,
    )
}

/// Checks every byte, and that each `%` begins a triple of hexadecimal digits. In a path an encoding must
/// be needed: encoded separators and unreserved characters are what two parsers read differently.
fn check_bytes(text: &str, plain: impl Fn(u8) -> bool, in_path: bool) -> Result<(), TargetError> {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            if !plain(byte) {
                return Err(TargetError::Character);
            }
            continue;
        }
        let (Some(high), Some(low)) = (bytes.next().and_then(hex_digit), bytes.next().and_then(hex_digit)) else {
            return Err(TargetError::Character);
        };
        let decoded = high << 4 | low;
        if in_path && (unreserved(decoded) || matches!(decoded, b'/' | b'\\' | b';' | b'%' | 0..=0x1f | 0x7f)) {
            return Err(TargetError::Encoding);
        }
    }
    Ok(())
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what failed by panicking")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_urls_pass_unchanged() {
        for url in [
            "https://api.pagerduty.com/incidents?statuses[]=triggered&limit=25",
            "https://api.pagerduty.com/incidents/PABC123/notes",
            "https://api.example.com:8443/a%20b/c?q=%2F..%2F",
            "https://api.pagerduty.com/",
        ] {
            assert_eq!(Target::parse(url).unwrap().to_string(), url);
        }
        assert_eq!(
            Target::parse("HTTPS://API.PagerDuty.com:443/x").unwrap().to_string(),
            "https://api.pagerduty.com/x"
        );
    }

    #[test]
    fn spellings_that_two_parsers_read_differently_are_refused() {
        let cases = [
            ("http://api.pagerduty.com/x", "url_scheme"),
            ("https://api.pagerduty.com@evil.example/x", "url_user_information"),
            ("https://api.pagerduty.com./x", "url_host"),
            ("https://api.pagerduty.com\\@evil.example/x", "url_path"),
            ("https://127.0.0.1/x", "url_ip_literal"),
            ("https://2130706433/x", "url_ip_literal"),
            ("https://0x7f.1/x", "url_ip_literal"),
            ("https://0177.0.0.1/x", "url_ip_literal"),
            ("https://a.0x7f000001/x", "url_ip_literal"),
            ("https://[::ffff:127.0.0.1]/x", "url_ip_literal"),
            ("https://localhost/x", "url_host"),
            ("https://api.pagerduty.com:0443/x", "url_port"),
            ("https://api.pagerduty.com:70000/x", "url_port"),
            ("https://api.pagerduty.com", "url_path"),
            ("https://api.pagerduty.com?x", "url_path"),
            ("https://api.pagerduty.com/a/../b", "url_segment"),
            ("https://api.pagerduty.com//b", "url_segment"),
            ("https://api.pagerduty.com/a/", "url_segment"),
            ("https://api.pagerduty.com/a/%2e%2e/b", "url_encoding"),
            ("https://api.pagerduty.com/a%2Fb", "url_encoding"),
            ("https://api.pagerduty.com/a%5cb", "url_encoding"),
            ("https://api.pagerduty.com/a%252fb", "url_encoding"),
            ("https://api.pagerduty.com/a;b", "url_character"),
            ("https://api.pagerduty.com/a%zz", "url_character"),
            ("https://api.pagerduty.com/a#b", "url_fragment"),
            ("https://pägerduty.com/a", "url_host"),
        ];
        for (url, code) in cases {
            match Target::parse(url) {
                Ok(target) => panic!("{url} passed as {target}"),
                Err(error) => assert_eq!(error.code(), code, "{url}"),
            }
        }
    }

    #[test]
    fn an_operator_may_name_a_loopback_simulator_and_no_other_plain_http() {
        assert_eq!(Base::parse_operator("http://127.0.0.1:8080/").unwrap().to_string(), "http://127.0.0.1:8080");
        assert_eq!(Base::parse_operator("http://[::1]:8080").unwrap().authority(), "[::1]:8080");
        assert_eq!(Base::parse_operator("https://127.0.0.1:1").unwrap_err(), TargetError::IpLiteral);
        assert_eq!(Base::parse_operator("https://kim@api.example.com").unwrap_err(), TargetError::UserInfo);
        assert!(Base::parse_operator("http://10.0.0.1:8080").is_err());
        assert!(Base::parse_operator("http://127.0.0.1.evil.example").is_err());
        assert!(Base::parse("http://127.0.0.1:8080").is_err());
    }

    proptest! {
        #[test]
        fn what_is_decided_on_is_what_is_sent(url in "(?i:https)://[ -~]{0,60}") {
            if let Ok(target) = Target::parse(&url) {
                let again = Target::parse(&target.to_string()).unwrap();
                prop_assert_eq!(&again, &target);
                let reference = url::Url::parse(&target.to_string()).unwrap();
                prop_assert_eq!(reference.host_str(), Some(target.base().host()));
                prop_assert_eq!(reference.port_or_known_default(), Some(target.base().port()));
                prop_assert_eq!(reference.path(), target.path());
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}") {
            let _ = Target::parse(&text);
            let _ = Base::parse_operator(&text);
        }
    }
}
