//! Which addresses may be dialled for a declared origin: public unicast and nothing else.
//!
//! Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates). Every form
//! that carries an IPv4 address inside an IPv6 one is judged by the address inside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether the address is public unicast.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)   // this network, private, loopback, multicast, reserved, broadcast
            | (100, 64..=127, _)           // shared address space (RFC 6598)
            | (169, 254, _)                // link-local, cloud metadata
            | (172, 16..=31, _)            // private
            | (192, 0, 0 | 2)              // protocol assignments, documentation
            | (192, 31, 196) | (192, 52, 193) | (192, 175, 48) // AS112, AMT
            | (192, 88, 99)                // 6to4 relay anycast
            | (192, 168, _)                // private
            | (198, 18 | 19, _)            // benchmarking
            | (198, 51, 100)               // documentation
            | (203, 0, 113) // documentation
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = address.segments();
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (s0, s1) {
        // ::ffff:0:0/96 mapped and ::/96 compatible, loopback and unspecified among them. A socket given a
        // mapped address dials IPv4, so it is what is inside.
        (0, 0) if (s2, s3, s4) == (0, 0, 0) && s5 == 0xffff => v4(s6, s7),
        // ::ffff:0:a.b.c.d/96, translated (RFC 2765).
        (0, 0) if (s2, s3) == (0, 0) && s4 == 0xffff && s5 == 0 => v4(s6, s7),
        // 64:ff9b::/96, NAT64 (RFC 6052).
        (0x64, 0xff9b) if (s2, s3, s4, s5) == (0, 0, 0, 0) => v4(s6, s7),
        // 2002::/16, 6to4: the address of the relay's other end is inside.
        (0x2002, _) => v4(s1, s2),
        // 2001:0::/23 protocol assignments: Teredo, benchmarking, ORCHID and others.
        (0x2001, 0..=0x1ff) => false,
        // Documentation.
        (0x2001, 0xdb8) | (0x3fff, 0..=0xfff) => false,
        // AS112 (RFC 7535) and SRv6 SIDs (RFC 9602) are not hosts.
        (0x2620, 0x4f) if s2 == 0x8000 => false,
        // Global unicast is 2000::/3; all else is reserved, local or multicast.
        _ => s0 & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn special_use_ranges_are_not_public() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "127.0.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn public_unicast_is_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "44.242.69.192",
            "172.32.0.1",
            "100.128.0.1",
            "2600:1f14::1",
            "2a00:1450::1",
            "64:ff9b::808:808",
            "::ffff:8.8.8.8",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
