//! Where a request wants to go, in the one spelling that is decided on and sent.
//!
//! A [`Target`] is made from text and printed back to text; nothing between rewrites it. Spellings that two
//! programs could read differently (dot segments, encoded slashes, user information, IP literals) are refused
//! rather than normalised, because a connector has no honest use for them.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Longest URL that a connector may ask for, in bytes. Servers commonly refuse more than 8 KiB of request line.
pub const MAX_URL_BYTES: usize = 8 * 1024;

/// Longest host name, in bytes (RFC 1035, section 2.3.4, without the trailing dot).
const MAX_HOST_BYTES: usize = 253;

/// Characters that some server reads as a slash or backslash: those that hold one in Unicode's compatibility
/// form (NFKC), and the two that Windows code pages map to one.
const BECOMES_A_SEPARATOR: [char; 9] =
    ['\u{2044}', '\u{2100}', '\u{2101}', '\u{2105}', '\u{2106}', '\u{2215}', '\u{FE68}', '\u{FF0F}', '\u{FF3C}'];

/// The dot, and characters that are one or more dots in Unicode's compatibility form (NFKC).
const BECOMES_DOTS: [char; 8] =
    ['.', '\u{2024}', '\u{2025}', '\u{2026}', '\u{FE19}', '\u{FE30}', '\u{FE52}', '\u{FF0E}'];

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
    /// `%2F`, `%5C`, `%2E` or another encoding of a character that needs none, of a control character, of what is
    /// not UTF-8, or of what some server reads as a separator.
    #[error("the path encodes a character that needs no encoding, a separator or its like, or no text")]
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
    host: Arc<str>,
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
        let (host, port_text) = loopback(rest).ok_or(TargetError::Scheme)?;
        let port = port_text.map_or(Ok(80), port_number)?;
        Ok(Self { https: false, host, port })
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
        if self.port == default { self.host().to_owned() } else { format!("{}:{}", self.host, self.port) }
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

/// Splits the authority of a plain-HTTP base; gives the host in its one spelling, and the port's text. Nothing
/// where the host is not loopback.
fn loopback(authority: &str) -> Option<(Arc<str>, Option<&str>)> {
    // An IPv6 literal stands in brackets (RFC 3986, section 3.2.2), and nothing else does.
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (literal, behind) = bracketed.split_once(']')?;
        let address = literal.parse::<Ipv6Addr>().ok().filter(Ipv6Addr::is_loopback)?;
        let port = if behind.is_empty() { None } else { Some(behind.strip_prefix(':')?) };
        return Some((format!("[{address}]").into(), port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let is_loopback = host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    is_loopback.then(|| (host.into(), port))
}

/// Splits `host[:port]` and checks both; gives the host in lower case.
fn authority(text: &str, default_port: u16) -> Result<(Arc<str>, u16), TargetError> {
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
    Ok((host.into(), port))
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
        check_decoded(segment)?;
    }
    Ok(())
}

/// Checks what a server makes of a segment: UTF-8 (an overlong form of a slash is none), without control
/// characters, and without what normalisation (NFKC, or a code page's nearest match) turns into a separator or a
/// dot segment.
fn check_decoded(segment: &str) -> Result<(), TargetError> {
    if !segment.contains('%') {
        return Ok(());
    }
    let decoded = percent_decoded(segment);
    let text = std::str::from_utf8(&decoded).map_err(|_| TargetError::Encoding)?;
    if text.chars().any(|c| c.is_control() || BECOMES_A_SEPARATOR.contains(&c)) {
        return Err(TargetError::Encoding);
    }
    if text.chars().all(|c| BECOMES_DOTS.contains(&c)) {
        return Err(TargetError::Segment);
    }
    Ok(())
}

/// The bytes that a checked text stands for: every `%` in it begins a triple.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let triple = |bytes: &mut std::str::Bytes<'_>| Some(hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?);
        decoded.extend(if byte == b'%' { triple(&mut bytes) } else { Some(byte) });
    }
    decoded
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
