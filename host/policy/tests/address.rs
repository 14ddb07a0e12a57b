//! Which addresses may be dialled: both edges of every special-use range, every way to carry an IPv4 address in
//! an IPv6 one, and a second formulation of the same rules that shares no code with the first.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what failed by panicking")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use toolkeep_policy::address::{is_public, special_uses};

/// Each range by its two edges, and whether the address before and after is public. Written from the registries
/// and not from the table.
#[rustfmt::skip]
const EDGES_V4: [(&str, &str, bool, bool); 19] = [
    ("0.0.0.0",         "0.255.255.255",   false, true),
    ("10.0.0.0",        "10.255.255.255",  true,  true),
    ("100.64.0.0",      "100.127.255.255", true,  true),
    ("127.0.0.0",       "127.255.255.255", true,  true),
    ("169.254.0.0",     "169.254.255.255", true,  true),
    ("172.16.0.0",      "172.31.255.255",  true,  true),
    ("192.0.0.0",       "192.0.0.255",     true,  true),
    ("192.0.2.0",       "192.0.2.255",     true,  true),
    ("192.31.196.0",    "192.31.196.255",  true,  true),
    ("192.52.193.0",    "192.52.193.255",  true,  true),
    ("192.88.99.0",     "192.88.99.255",   true,  true),
    ("192.168.0.0",     "192.168.255.255", true,  true),
    ("192.175.48.0",    "192.175.48.255",  true,  true),
    ("198.18.0.0",      "198.19.255.255",  true,  true),
    ("198.51.100.0",    "198.51.100.255",  true,  true),
    ("203.0.113.0",     "203.0.113.255",   true,  true),
    ("224.0.0.0",       "239.255.255.255", true,  false),
    ("240.0.0.0",       "255.255.255.254", false, false),
    ("255.255.255.255", "255.255.255.255", false, false),
];

#[rustfmt::skip]
const EDGES_V6: [(&str, &str, bool, bool); 26] = [
    ("::",                "::",                                      false, false),
    ("::1",               "::1",                                     false, false),
    ("::2",               "::ffff:ffff",                             false, false),
    ("::ffff:0:0:0",      "::ffff:0:ffff:ffff",                      false, false),
    ("64:ff9b:1::",       "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",      false, false),
    ("100::",             "100::ffff:ffff:ffff:ffff",                false, false),
    ("100:0:0:1::",       "100::1:ffff:ffff:ffff:ffff",              false, false),
    ("2001::",            "2001:0:ffff:ffff:ffff:ffff:ffff:ffff",    true,  false),
    ("2001:1::1",         "2001:1::3",                               false, false),
    ("2001:2::",          "2001:2:0:ffff:ffff:ffff:ffff:ffff",       false, false),
    ("2001:3::",          "2001:3:ffff:ffff:ffff:ffff:ffff:ffff",    false, false),
    ("2001:4:112::",      "2001:4:112:ffff:ffff:ffff:ffff:ffff",     false, false),
    ("2001:10::",         "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff",   false, false),
    ("2001:20::",         "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff",   false, false),
    ("2001:30::",         "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff",   false, false),
    ("2001::",            "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",  true,  true),
    ("2001:db8::",        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",  true,  true),
    ("2002::",            "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true,  true),
    ("2620:4f:8000::",    "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",   true,  true),
    ("3fff::",            "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",  true,  true),
    ("4000::",            "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true,  false),
    ("5f00::",            "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false),
    ("fc00::",            "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false),
    ("fe80::",            "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false),
    ("fec0::",            "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false),
    ("ff00::",            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false),
];

fn next(address: IpAddr, step: i8) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits().checked_add_signed(step.into())?).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits().checked_add_signed(step.into())?).into(),
    })
}

#[test]
fn both_edges_of_every_range() {
    for (first, last, before, after) in EDGES_V4.iter().chain(&EDGES_V6) {
        let (low, high): (IpAddr, IpAddr) = (first.parse().unwrap(), last.parse().unwrap());
        assert!(!is_public(low) && !is_public(high), "{first} to {last}");
        if let Some(outside) = next(low, -1) {
            assert_eq!(is_public(outside), *before, "{outside} is before {first}");
        }
        if let Some(outside) = next(high, 1) {
            assert_eq!(is_public(outside), *after, "{outside} is after {last}");
        }
    }
}

#[test]
fn global_unicast_begins_and_ends_where_it_should() {
    for (text, public) in [
        ("1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("2000::", true),
        ("2600:1f14::1", true),
        ("2a00:1450::1", true),
        ("3fff:1000::", true),
        ("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true),
        ("4000::", false),
        ("1.0.0.0", true),
        ("8.8.8.8", true),
        ("44.242.69.192", true),
        ("223.255.255.255", true),
    ] {
        assert_eq!(is_public(text.parse().unwrap()), public, "{text}");
    }
}

/// An IPv4 address in each form that carries one, and whether the address inside decides.
fn carried(v4: Ipv4Addr) -> Vec<(&'static str, Ipv6Addr, bool)> {
    let [a, b, c, d] = v4.octets().map(u16::from);
    let (high, low) = (a << 8 | b, c << 8 | d);
    let v6 = |s: [u16; 8]| Ipv6Addr::new(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]);
    vec![
        ("mapped", v6([0, 0, 0, 0, 0, 0xffff, high, low]), true),
        ("compatible", v6([0, 0, 0, 0, 0, 0, high, low]), false),
        ("translated", v6([0, 0, 0, 0, 0xffff, 0, high, low]), false),
        ("NAT64", v6([0x64, 0xff9b, 0, 0, 0, 0, high, low]), true),
        // RFC 6052, section 2.2: where each prefix length puts the address; bits 64 to 71 stay clear.
        ("local NAT64 /48", v6([0x64, 0xff9b, 1, high, c, d << 8, 0, 0]), false),
        ("local NAT64 /56", v6([0x64, 0xff9b, 1, a, b, c << 8 | d, 0, 0]), false),
        ("local NAT64 /64", v6([0x64, 0xff9b, 1, 0, a, b << 8 | c, d << 8, 0]), false),
        ("local NAT64 /96", v6([0x64, 0xff9b, 1, 0, 0, 0, high, low]), false),
        ("6to4", v6([0x2002, high, low, 0, 0, 0, 0, 1]), false),
        ("Teredo server", v6([0x2001, 0, high, low, 0, 0, 0xffff, 0xffff]), false),
        ("Teredo client", v6([0x2001, 0, 0x808, 0x808, 0, 0, !high, !low]), false),
        ("ISATAP", v6([0x2600, 1, 2, 3, 0, 0x5efe, high, low]), true),
        ("ISATAP, unique", v6([0x2600, 1, 2, 3, 0x200, 0x5efe, high, low]), true),
        ("ISATAP, link-local", v6([0xfe80, 0, 0, 0, 0x200, 0x5efe, high, low]), false),
    ]
}

#[test]
fn an_address_in_an_address_is_judged() {
    for private in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.0.1", "0.0.0.0", "255.255.255.255"] {
        for (form, address, _) in carried(private.parse().unwrap()) {
            assert!(!is_public(address.into()), "{private} as {form}: {address}");
        }
    }
    for (form, address, decides) in carried("8.8.8.8".parse().unwrap()) {
        assert_eq!(is_public(address.into()), decides, "8.8.8.8 as {form}: {address}");
    }
}

/// The same rules over octets, without a table.
fn public_v4_by_octets(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            | [192, 0, 0 | 2, _]
            | [192, 31, 196, _]
            | [192, 52, 193, _]
            | [192, 88, 99, _]
            | [192, 175, 48, _]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

/// The same rules over segments, without a table.
fn public_v6_by_segments(address: Ipv6Addr) -> bool {
    let inside = || public_v4_by_octets(address.octets().last_chunk::<4>().copied().unwrap().into());
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => inside(),
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [0x2620, 0x4f, 0x8000, ..] => false,
        [0x2000..=0x3fff, _, _, _, 0 | 0x200, 0x5efe, ..] => inside(),
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

fn public_by_other_means(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => public_v4_by_octets(v4),
        IpAddr::V6(v6) => public_v6_by_segments(v6),
    }
}

/// Addresses where a rule could be wrong: near the edges of every range, in every carrying form, and anywhere.
fn address() -> impl Strategy<Value = IpAddr> {
    let edges: Vec<IpAddr> = special_uses().flat_map(|range| <[IpAddr; 2]>::from(range.edges())).collect();
    let near = (proptest::sample::select(edges), -2_i8..=2).prop_map(|(edge, step)| next(edge, step).unwrap_or(edge));
    let v4 = prop_oneof![
        any::<u32>().prop_map(Ipv4Addr::from_bits),
        near.clone().prop_filter_map("IPv4", |address| match address {
            IpAddr::V4(v4) => Some(v4),
            IpAddr::V6(_) => None,
        }),
    ];
    let carried = (v4.clone(), any::<prop::sample::Index>()).prop_map(|(v4, form)| form.get(&carried(v4)).1.into());
    // Few distinct values for each segment, so that prefixes are met.
    let segment = prop_oneof![
        Just(0_u16),
        Just(1),
        Just(0x64),
        Just(0xff9b),
        Just(0x100),
        Just(0x2001),
        Just(0x2002),
        Just(0x2620),
        Just(0xdb8),
        Just(0x5efe),
        Just(0x200),
        Just(0xffff),
        any::<u16>(),
    ];
    let v6 = prop::array::uniform8(segment).prop_map(|s| Ipv6Addr::from(s).into());
    let anywhere = any::<u128>().prop_map(|bits| Ipv6Addr::from_bits(bits >> 3 | 1 << 125).into());
    prop_oneof![near, v4.prop_map(IpAddr::V4), carried, v6, anywhere]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_formulations_agree(address in address()) {
        prop_assert_eq!(is_public(address), public_by_other_means(address), "{}", address);
    }
}
