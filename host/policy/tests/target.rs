//! URLs: one spelling or none. What the policy decides on is what is sent, and what every other parser sees.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what failed by panicking")]

use std::net::Ipv4Addr;

use proptest::prelude::*;
use toolkeep_policy::{Base, Target, TargetError};

#[test]
fn ordinary_urls_pass_unchanged() {
    for url in [
        "https://api.pagerduty.com/incidents?statuses[]=triggered&limit=25",
        "https://api.pagerduty.com/incidents/PABC123/notes",
        "https://api.example.com:8443/a%20b/c?q=%2F..%2F",
        "https://api.example.com/wiki/%E3%81%AA%E3%81%9C%EF%BC%9F/caf%C3%A9%E2%80%A6",
        "https://api.pagerduty.com/",
    ] {
        assert_eq!(Target::parse(url).unwrap().to_string(), url);
    }
    assert_eq!(Target::parse("HTTPS://API.PagerDuty.com:443/x").unwrap().to_string(), "https://api.pagerduty.com/x");
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
        // Overlong forms of `/` and `.`, and a lone byte of Latin-1.
        ("https://api.pagerduty.com/a%c0%afb", "url_encoding"),
        ("https://api.pagerduty.com/%e0%80%ae%e0%80%ae", "url_encoding"),
        ("https://api.pagerduty.com/caf%e9", "url_encoding"),
        // A fullwidth solidus and backslash, a division slash, `a/c` as one character.
        ("https://api.pagerduty.com/a%EF%BC%8Fb", "url_encoding"),
        ("https://api.pagerduty.com/a%EF%BC%BCb", "url_encoding"),
        ("https://api.pagerduty.com/a%E2%88%95b", "url_encoding"),
        ("https://api.pagerduty.com/%E2%84%80", "url_encoding"),
        // Two fullwidth full stops, and a two-dot leader.
        ("https://api.pagerduty.com/a/%EF%BC%8E%EF%BC%8E/b", "url_segment"),
        ("https://api.pagerduty.com/a/%E2%80%A5", "url_segment"),
        // A control character of the second block.
        ("https://api.pagerduty.com/a%C2%85", "url_encoding"),
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

#[test]
fn a_loopback_literal_has_one_spelling() {
    for (given, printed) in [
        ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
        ("http://[::1]:80/", "http://[::1]"),
        ("http://127.1.2.3:81", "http://127.1.2.3:81"),
        ("http://localhost:80", "http://localhost"),
    ] {
        assert_eq!(Base::parse_operator(given).unwrap().to_string(), printed, "{given}");
    }
    // Without brackets, the last group of an address and a port are the same text.
    for bad in [
        "http://::1",
        "http://::1:8080",
        "http://[127.0.0.1]:8080",
        "http://[::1",
        "http://[::1]8080",
        "http://[::1]:",
        "http://[::ffff:127.0.0.1]",
        "http://[::1%25lo]",
        "http://127.0.0.1:",
        "http://127.0.0.1:080",
        "http://127.0.0.1:8080:9090",
        "http://127.1",
        "http://localhost//",
    ] {
        assert!(Base::parse_operator(bad).is_err(), "{bad}");
    }
}

/// What the standard of browsers (the `url` crate) and the library that sends (the `http` crate) make of a target
/// as the host writes it on the wire: scheme, authority, path and query, as the gate puts them together.
fn assert_others_agree(target: &Target) {
    let base = target.base();
    let uri = http::Uri::builder()
        .scheme("https")
        .authority(base.authority())
        .path_and_query(target.path_and_query())
        .build()
        .unwrap();
    assert_eq!(uri.host(), Some(base.host()));
    assert_eq!(uri.port_u16().unwrap_or(443), base.port());
    assert_eq!(uri.path(), target.path());
    assert_eq!(uri.query(), target.query());
    assert_eq!(uri.to_string(), target.to_string());

    match url::Url::parse(&target.to_string()) {
        Ok(other) => {
            assert_eq!(other.scheme(), "https");
            assert_eq!(other.domain(), Some(base.host()), "{target}");
            assert_eq!(other.port_or_known_default(), Some(base.port()));
            assert_eq!(other.path(), target.path());
            // The one character that it encodes and the host does not; it stands for the same.
            assert_eq!(other.query().map(ToOwned::to_owned), target.query().map(|query| query.replace('\'', "%27")));
            assert_eq!((other.username(), other.password(), other.fragment()), ("", None, None));
        }
        // Such a label is checked against Unicode's tables there. It is a name of no other host.
        Err(_) => assert!(base.host().split('.').any(|label| label.starts_with("xn--")), "{target}"),
    }
}

/// One label of a DNS name, lower case.
const LABEL: &str = "[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?";
/// A last label, which does not begin with a digit.
const LAST_LABEL: &str = "[a-z]([a-z0-9-]{0,8}[a-z0-9])?";
/// One segment of a path: plain characters, and encodings that are needed.
const SEGMENT: &str = "([A-Za-z0-9_~!$&'()*+,=:@-]|%20|%22|%3[Cc]|%C3%A9|%e3%81%82|%F0%9F%99%82){1,6}";
/// A query: plain characters, and any encoding.
const QUERY: &str = "([A-Za-z0-9._~!$&'()*+,;=:@/?\\[\\]-]|%[0-9A-Fa-f]{2}){0,20}";

prop_compose! {
    fn honest_url()(
        labels in prop::collection::vec(LABEL, 1..4),
        last in LAST_LABEL,
        port in prop::option::of(1_u16..),
        segments in prop::collection::vec(SEGMENT, 0..5),
        query in prop::option::of(QUERY),
    ) -> String {
        let port = port.filter(|port| *port != 443).map(|port| format!(":{port}")).unwrap_or_default();
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        format!("https://{}.{last}{port}/{}{query}", labels.join("."), segments.join("/"))
    }
}

/// The forms in which `inet_aton` and browsers read an IPv4 address: one to four parts, each decimal, octal or
/// hexadecimal, the last of them filling what is left.
fn spelled(address: Ipv4Addr, parts: usize, radixes: [u8; 4], dot: bool) -> String {
    let octets = address.octets();
    let mut values: Vec<u32> = octets.iter().take(parts - 1).map(|octet| u32::from(*octet)).collect();
    values.push(octets.iter().skip(parts - 1).fold(0, |value, octet| value << 8 | u32::from(*octet)));
    let part = |(value, radix): (u32, u8)| match radix % 4 {
        0 => format!("{value}"),
        1 => format!("0{value:o}"),
        2 => format!("0x{value:x}"),
        _ => format!("0X{value:08X}"),
    };
    let text = values.into_iter().zip(radixes).map(part).collect::<Vec<_>>().join(".");
    if dot { format!("{text}.") } else { text }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_honest_url_is_sent_as_it_is(url in honest_url()) {
        let target = Target::parse(&url).unwrap();
        prop_assert_eq!(target.to_string(), url);
        assert_others_agree(&target);
    }

    #[test]
    fn what_passes_has_one_spelling(url in "(?i:https)://[ -~]{0,60}") {
        if let Ok(target) = Target::parse(&url) {
            prop_assert_eq!(&Target::parse(&target.to_string()).unwrap(), &target);
            assert_others_agree(&target);
        }
    }

    /// Pieces that mean something to some parser, put together at will.
    #[test]
    fn what_passes_is_what_every_parser_sees(pieces in prop::collection::vec(prop::sample::select(vec![
        "a", "b1", "api.pagerduty.com", "evil.example", "127.0.0.1", "0x7f", "[::1]", "xn--a", "localhost", "-", "_",
        ".", "..", "/", "//", "\\", "?", "#", "@", ":", ":443", ":80", ":0443", ";", "&", "=", "%", "%2e", "%2F",
        "%5c", "%25", "%00", "%0d%0a", "%20", "%c0%af", "%EF%BC%8F", "%E2%80%A5", "%3F", "%23", "'", "\"", "<", "|",
        "{", "^", "`", "[", "]", "\t", "\r\n", " ", "\u{0}", "\u{ff0f}", "é", "https://", "http://",
    ]), 0..12)) {
        let url = format!("https://{}", pieces.concat());
        if let Ok(target) = Target::parse(&url) {
            prop_assert_eq!(&Target::parse(&target.to_string()).unwrap(), &target);
            // The URL as the connector wrote it leads to no other place either.
            if let Ok(other) = url::Url::parse(&url) {
                prop_assert_eq!(other.host_str(), Some(target.base().host()));
                prop_assert_eq!(other.path(), target.path());
            }
            assert_others_agree(&target);
        }
    }

    #[test]
    fn no_spelling_of_an_address_is_a_host(
        address in any::<u32>().prop_map(Ipv4Addr::from_bits),
        parts in 1_usize..=4,
        radixes in any::<[u8; 4]>(),
        dot in any::<bool>(),
        prefix in prop::sample::select(vec!["", "a.", "0x7f."]),
    ) {
        let host = format!("{prefix}{}", spelled(address, parts, radixes, dot));
        prop_assert!(Target::parse(&format!("https://{host}/")).is_err(), "{}", host);
        prop_assert!(Base::parse(&format!("https://{host}")).is_err(), "{}", host);
        let v6 = address.to_ipv6_mapped();
        let (url, base) = (format!("https://[{v6}]/"), format!("http://[{v6}]"));
        prop_assert!(Target::parse(&url).is_err() && Base::parse_operator(&base).is_err());
    }

    #[test]
    fn no_dot_segment_or_separator_passes_in_any_encoding(
        before in prop::collection::vec(SEGMENT, 0..3),
        dots in prop::collection::vec(prop::sample::select(vec![".", "%2e", "%2E", "%EF%BC%8E", "%E2%80%A4"]), 1..4),
        separator in prop::sample::select(vec!["%2f", "%2F", "%5c", "\\", ";", "%3b", "%252f", "%EF%BC%8F", "%C0%AF"]),
        after in SEGMENT,
    ) {
        let dots = dots.concat();
        let path = format!("/{}", before.join("/"));
        for hostile in [
            format!("{path}/{dots}/{after}"),
            format!("{path}/{dots}"),
            format!("{path}/{after}{separator}{after}"),
            format!("{path}/{separator}{after}"),
            format!("{path}//{after}"),
            format!("{path}/{after}/"),
        ] {
            // Three plain dots or more are a name like another.
            let is_name = dots.bytes().all(|byte| byte == b'.') && dots.len() > 2 && hostile.contains(&dots);
            let parsed = Target::parse(&format!("https://api.example.com{hostile}"));
            prop_assert!(parsed.is_err() || is_name, "{}", hostile);
        }
    }

    #[test]
    fn a_base_is_printed_as_it_is_read(text in "(https?://)?[a-z0-9.:\\[\\]/@-]{0,24}") {
        for base in [Base::parse(&text), Base::parse_operator(&text)].into_iter().flatten() {
            prop_assert_eq!(&Base::parse_operator(&base.to_string()).unwrap(), &base);
            let uri: http::Uri = base.to_string().parse().unwrap();
            prop_assert_eq!(uri.authority().map(ToString::to_string), Some(base.authority()));
            prop_assert_eq!(uri.host(), Some(base.host()));
            let url = url::Url::parse(&base.to_string());
            prop_assert!(url.is_ok_and(|url| url.host_str() == Some(base.host())) || base.host().contains("xn--"));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,80}") {
        let _ = Target::parse(&text);
        let _ = Base::parse(&text);
        let _ = Base::parse_operator(&text);
    }
}
