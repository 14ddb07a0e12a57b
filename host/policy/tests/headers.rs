//! Headers: every name in every spelling is decided on, and no declaration takes what is the host's.

#![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
use proptest::prelude::*;
use toolkeep_policy::headers::{
    RequestHeader, is_declarable_name, is_declarable_response, is_host_owned, request_header, response_header_visible,
};

/// Names that mean something, and any others.
fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "from",
        "host",
        "location",
        "proxy-authorization",
        "range",
        "ratelimit-reset",
        "sec-fetch-site",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-api-key",
        "x-forwarded-host",
        "x-http-method-override",
        "x-original-url",
        "x-request-id",
    ]);
    let known = known.prop_map(ToOwned::to_owned);
    prop_oneof![known, "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,70}", ".{0,20}"]
}

/// The same name with some letters raised, and some hyphens lowered where `lower` says so.
fn respelled(name: &str, raise: u64, lower: bool) -> String {
    let respell = |(place, c): (usize, char)| match c {
        '-' if lower => '_',
        c if raise >> (place % 64) & 1 == 1 => c.to_ascii_uppercase(),
        c => c,
    };
    name.chars().enumerate().map(respell).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_case_of_a_name_decides_nothing(
        name in name(),
        raise in any::<u64>(),
        declared in prop::collection::vec(name(), 0..4),
        injected in prop::collection::vec(name(), 0..2),
    ) {
        let injected: Vec<&str> = injected.iter().map(String::as_str).collect();
        let other = respelled(&name, raise, false);
        prop_assert_eq!(request_header(&name, &declared, &injected), request_header(&other, &declared, &injected));
        prop_assert_eq!(response_header_visible(&name, &declared), response_header_visible(&other, &declared));
        prop_assert_eq!(is_host_owned(&name), is_host_owned(&other));
    }

    /// Whatever is declared, and however it is spelled, underscores included.
    #[test]
    fn what_is_the_hosts_is_never_the_connectors(name in name(), raise in any::<u64>(), lower in any::<bool>()) {
        let spelled = respelled(&name, raise, lower);
        let declared = [name.clone(), spelled.clone()];
        if is_host_owned(&name) {
            prop_assert_ne!(request_header(&spelled, &declared, &[]), RequestHeader::Sent);
        }
        prop_assert_eq!(request_header(&spelled, &declared, &[&name]), RequestHeader::HostOwned);
        if !is_declarable_response(&name) && is_declarable_name(&name) {
            prop_assert!(!response_header_visible(&spelled, &declared), "{}", spelled);
        }
    }

    #[test]
    fn what_is_neither_common_nor_declared_is_not_sent(name in "x-[a-z]{1,8}") {
        prop_assert_ne!(request_header(&name, &[], &[]), RequestHeader::Sent);
        prop_assert!(!response_header_visible(&name, &[]));
        if !is_host_owned(&name) {
            prop_assert_eq!(request_header(&name, &[], &[]), RequestHeader::Undeclared);
            prop_assert_eq!(request_header(&name, std::slice::from_ref(&name), &[]), RequestHeader::Sent);
        }
    }

    #[test]
    fn a_declarable_name_is_a_token_in_lower_case(name in name()) {
        if is_declarable_name(&name) {
            let header = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            prop_assert_eq!(header.as_str(), name);
        }
    }
}
