//! URLs as a connector writes them. Whatever passes has one spelling, and leads every parser to one place.

use toolkeep_policy::{Base, Target};

/// The input is a URL.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(target) = Target::parse(text) {
        assert_eq!(Target::parse(&target.to_string()).as_ref(), Ok(&target), "printed and read again");
        is_plain(&target);
        is_seen_alike(&target, text);
    }
    if let Ok(base) = Base::parse(text) {
        assert!(base.is_https());
        assert_eq!(Base::parse(&base.to_string()).as_ref(), Ok(&base), "printed and read again");
        // The same base, in a URL: whoever can declare an origin can reach it, and no other.
        let target = Target::parse(&format!("{base}/"));
        assert_eq!(target.as_ref().map(Target::base), Ok(&base));
    }
    if let Ok(base) = Base::parse_operator(text) {
        assert_eq!(Base::parse_operator(&base.to_string()).as_ref(), Ok(&base), "printed and read again");
        if !base.is_https() {
            let other = ::url::Url::parse(&base.to_string());
            let is_loopback = match other.as_ref().map(::url::Url::host) {
                Ok(Some(::url::Host::Domain(name))) => name == "localhost",
                Ok(Some(::url::Host::Ipv4(address))) => address.is_loopback(),
                Ok(Some(::url::Host::Ipv6(address))) => address.is_loopback(),
                _ => false,
            };
            assert!(is_loopback, "plain HTTP to {base}");
        }
    }
}

/// Nothing in it that two programs could read differently, looked for in the printed text.
fn is_plain(target: &Target) {
    let printed = target.to_string();
    assert!(printed.bytes().all(|byte| byte.is_ascii_graphic()), "{printed}");
    assert!(!printed.contains(['#', '\\']), "{printed}");
    let rest = printed.strip_prefix("https://").unwrap_or_default();
    let (authority, path) = rest.split_once('/').unwrap_or_default();
    assert!(!authority.contains(['@', '[', '%', '?']), "{printed}");
    let host = authority.split(':').next().unwrap_or_default();
    assert!(!host.ends_with('.') && host.contains('.') && host == host.to_ascii_lowercase(), "{printed}");
    // Every spelling of an IPv4 address ends in a number (URL Standard, "ends-in-a-number checker").
    let last = host.rsplit('.').next().unwrap_or_default();
    assert!(last.starts_with(|c: char| c.is_ascii_alphabetic()), "{printed}");

    let path = path.split('?').next().unwrap_or_default();
    for segment in path.split('/').filter(|_| !path.is_empty()) {
        let decoded = decode(segment);
        assert!(!decoded.is_empty() && decoded != b"." && decoded != b"..", "{printed}");
        assert!(!decoded.iter().any(|byte| matches!(byte, b'/' | b'\\' | b';' | b'%' | 0..=31 | 127)), "{printed}");
        assert!(std::str::from_utf8(&decoded).is_ok(), "{printed}");
    }
}

/// What the URL Standard and the library that sends make of it.
fn is_seen_alike(target: &Target, given: &str) {
    let base = target.base();
    let uri = http::Uri::builder()
        .scheme("https")
        .authority(base.authority())
        .path_and_query(target.path_and_query())
        .build();
    let uri = uri.map(|uri| uri.to_string());
    assert_eq!(uri.ok(), Some(target.to_string()), "as the gate sends it");

    // Labels of internationalised names are looked up in tables there, and may be refused.
    let has_table_label = base.host().split('.').any(|label| label.starts_with("xn--"));
    for text in [&target.to_string(), given] {
        match ::url::Url::parse(text) {
            Ok(other) => {
                assert_eq!(other.domain(), Some(base.host()), "{text}");
                assert_eq!(other.port_or_known_default(), Some(base.port()), "{text}");
                assert_eq!(other.path(), target.path(), "{text}");
                let query = target.query().map(|query| query.replace('\'', "%27"));
                assert_eq!(other.query(), query.as_deref(), "{text}");
                assert!(other.username().is_empty() && other.password().is_none() && other.fragment().is_none());
            }
            Err(error) => assert!(has_table_label, "{text}: {error}"),
        }
    }
}

/// Percent triples as the bytes that they stand for.
fn decode(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        decoded.extend(u8::from_str_radix(digits, 16));
        decoded.extend_from_slice(rest.as_bytes());
    }
    decoded
}
