//! Which addresses may be dialled for a declared origin: public unicast and nothing else.
//!
//! Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates), the IANA IPv6
//! Global Unicast allocation, and the multicast ranges, which are not in the registries. What a registry calls
//! globally reachable but is a protocol's anycast address is refused too: no upstream lives there.
//!
//! An IPv6 address can carry an IPv4 one. Where the network delivers to the address inside (mapped, NAT64,
//! ISATAP), the address inside is judged; the forms that are deprecated or need a relay (compatible, translated,
//! 6to4, Teredo, local NAT64) are refused whatever they carry.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses that no upstream has, and who says so.
#[derive(Debug, PartialEq, Eq)]
pub struct SpecialUse {
    /// First address of the range.
    network: IpAddr,
    /// Leading bits that all of the range have in common.
    prefix: u32,
    /// What the range is for, as the registry has it.
    name: &'static str,
    /// The document that sets it aside.
    source: &'static str,
}

impl SpecialUse {
    const fn v4(octets: [u8; 4], prefix: u32, name: &'static str, source: &'static str) -> Self {
        let [a, b, c, d] = octets;
        Self { network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix, name, source }
    }

    const fn v6(segments: [u16; 8], prefix: u32, name: &'static str, source: &'static str) -> Self {
        let [a, b, c, d, e, f, g, h] = segments;
        Self { network: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), prefix, name, source }
    }

    /// The first and the last address of the range.
    #[must_use]
    pub fn edges(&self) -> (IpAddr, IpAddr) {
        let last = match self.network {
            IpAddr::V4(first) => {
                Ipv4Addr::from_bits(first.to_bits() | u32::MAX.checked_shr(self.prefix).unwrap_or(0)).into()
            }
            IpAddr::V6(first) => {
                Ipv6Addr::from_bits(first.to_bits() | u128::MAX.checked_shr(self.prefix).unwrap_or(0)).into()
            }
        };
        (self.network, last)
    }

    fn contains(&self, address: IpAddr) -> bool {
        let (first, last) = self.edges();
        // Addresses of the two families are ordered too, but none lies between two of the other.
        first <= address && address <= last
    }
}

impl fmt::Display for SpecialUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}/{}, {})", self.name, self.network, self.prefix, self.source)
    }
}

/// IPv4: every range of the registry, and multicast. A narrower range stands before the one that holds it.
const SPECIAL_V4: [SpecialUse; 26] = [
    SpecialUse::v4([0, 0, 0, 0], 32, "this host on this network", "RFC 1122, section 3.2.1.3"),
    SpecialUse::v4([0, 0, 0, 0], 8, "this network", "RFC 791, section 3.2"),
    SpecialUse::v4([10, 0, 0, 0], 8, "private use", "RFC 1918"),
    SpecialUse::v4([100, 64, 0, 0], 10, "shared address space", "RFC 6598"),
    SpecialUse::v4([127, 0, 0, 0], 8, "loopback", "RFC 1122, section 3.2.1.3"),
    // 169.254.169.254 and its neighbours are where clouds keep credentials for whoever asks.
    SpecialUse::v4([169, 254, 0, 0], 16, "link-local", "RFC 3927"),
    SpecialUse::v4([172, 16, 0, 0], 12, "private use", "RFC 1918"),
    SpecialUse::v4([192, 0, 0, 0], 29, "IPv4 service continuity", "RFC 7335"),
    SpecialUse::v4([192, 0, 0, 8], 32, "IPv4 dummy address", "RFC 7600"),
    SpecialUse::v4([192, 0, 0, 9], 32, "Port Control Protocol anycast", "RFC 7723"),
    SpecialUse::v4([192, 0, 0, 10], 32, "TURN anycast", "RFC 8155"),
    SpecialUse::v4([192, 0, 0, 170], 31, "NAT64/DNS64 discovery", "RFC 8880, RFC 7050"),
    SpecialUse::v4([192, 0, 0, 0], 24, "IETF protocol assignments", "RFC 6890, section 2.1"),
    SpecialUse::v4([192, 0, 2, 0], 24, "documentation", "RFC 5737"),
    SpecialUse::v4([192, 31, 196, 0], 24, "AS112", "RFC 7535"),
    SpecialUse::v4([192, 52, 193, 0], 24, "automatic multicast tunneling", "RFC 7450"),
    SpecialUse::v4([192, 88, 99, 0], 24, "6to4 relay anycast, deprecated", "RFC 7526"),
    SpecialUse::v4([192, 168, 0, 0], 16, "private use", "RFC 1918"),
    SpecialUse::v4([192, 175, 48, 0], 24, "direct delegation AS112", "RFC 7534"),
    SpecialUse::v4([198, 18, 0, 0], 15, "benchmarking", "RFC 2544"),
    SpecialUse::v4([198, 51, 100, 0], 24, "documentation", "RFC 5737"),
    SpecialUse::v4([203, 0, 113, 0], 24, "documentation", "RFC 5737"),
    SpecialUse::v4([233, 252, 0, 0], 24, "multicast documentation", "RFC 6676"),
    SpecialUse::v4([224, 0, 0, 0], 4, "multicast", "RFC 5771"),
    SpecialUse::v4([255, 255, 255, 255], 32, "limited broadcast", "RFC 919, section 7"),
    SpecialUse::v4([240, 0, 0, 0], 4, "reserved", "RFC 1112, section 4"),
];

/// IPv6: every range of the registry but the two whose address inside is judged, and what RFC 4291 and others
/// set aside. A narrower range stands before the one that holds it.
const SPECIAL_V6: [SpecialUse; 28] = [
    SpecialUse::v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified", "RFC 4291, section 2.5.2"),
    SpecialUse::v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback", "RFC 4291, section 2.5.3"),
    SpecialUse::v6([0, 0, 0, 0, 0, 0, 0, 0], 96, "IPv4-compatible, deprecated", "RFC 4291, section 2.5.5.1"),
    SpecialUse::v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "IPv4-translated", "RFC 2765"),
    SpecialUse::v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "local-use IPv4/IPv6 translation", "RFC 8215"),
    SpecialUse::v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discard only", "RFC 6666"),
    SpecialUse::v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "dummy prefix", "RFC 9780"),
    SpecialUse::v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "Teredo", "RFC 4380"),
    SpecialUse::v6([0x2001, 1, 0, 0, 0, 0, 0, 1], 128, "Port Control Protocol anycast", "RFC 7723"),
    SpecialUse::v6([0x2001, 1, 0, 0, 0, 0, 0, 2], 128, "TURN anycast", "RFC 8155"),
    SpecialUse::v6([0x2001, 1, 0, 0, 0, 0, 0, 3], 128, "DNS-SD service registration anycast", "RFC 9665"),
    SpecialUse::v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "benchmarking", "RFC 5180"),
    SpecialUse::v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32, "automatic multicast tunneling", "RFC 7450"),
    SpecialUse::v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48, "AS112", "RFC 7535"),
    SpecialUse::v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, "ORCHID, deprecated", "RFC 4843"),
    SpecialUse::v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, "ORCHIDv2", "RFC 7343"),
    SpecialUse::v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28, "drone remote identification", "RFC 9374"),
    SpecialUse::v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "IETF protocol assignments", "RFC 2928"),
    SpecialUse::v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation", "RFC 3849"),
    // An old operating system's relay stands between, and nobody runs those any more.
    SpecialUse::v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4, deprecated", "RFC 3056, RFC 7526"),
    SpecialUse::v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "direct delegation AS112", "RFC 7534"),
    SpecialUse::v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation", "RFC 9637"),
    SpecialUse::v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment routing identifiers", "RFC 9602"),
    SpecialUse::v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local", "RFC 4193"),
    SpecialUse::v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local", "RFC 4291, section 2.5.6"),
    SpecialUse::v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local, deprecated", "RFC 3879"),
    SpecialUse::v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast", "RFC 4291, section 2.7"),
    // The last, and not exact: whatever is left and is not 2000::/3. See `special_use_v6`.
    SpecialUse::v6([0, 0, 0, 0, 0, 0, 0, 0], 0, "outside of global unicast", "RFC 4291, section 2.4"),
];

/// Every range that is refused, IPv4 and then IPv6. `::/0`, the last, stands for what is outside of 2000::/3.
pub fn special_uses() -> impl Iterator<Item = &'static SpecialUse> {
    SPECIAL_V4.iter().chain(&SPECIAL_V6)
}

/// Whether the address is public unicast.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    special_use(address).is_none()
}

/// Why the address is not public unicast; nothing where it is.
#[must_use]
pub fn special_use(address: IpAddr) -> Option<&'static SpecialUse> {
    match address {
        IpAddr::V4(v4) => SPECIAL_V4.iter().find(|range| range.contains(v4.into())),
        IpAddr::V6(v6) => special_use_v6(v6),
    }
}

fn special_use_v6(address: Ipv6Addr) -> Option<&'static SpecialUse> {
    if let Some(inside) = delivered_to(address) {
        return special_use(inside.into());
    }
    let is_global = address.segments()[0] & 0xe000 == 0x2000;
    SPECIAL_V6
        .iter()
        .find(|range| (range.prefix > 0 || !is_global) && range.contains(address.into()))
        .or_else(|| special_use(isatap(address)?.into()))
}

/// The IPv4 address that the network delivers to, whatever else is known about it.
fn delivered_to(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        // ::ffff:0:0/96, mapped (RFC 4291, section 2.5.5.2): a socket given one dials IPv4.
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some(v4_of(high, low)),
        // 64:ff9b::/96, NAT64 (RFC 6052): how a network without IPv4 reaches a host that has only that.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4_of(high, low)),
        _ => None,
    }
}

/// The IPv4 address in an ISATAP interface identifier (RFC 5214, section 6.1), below any prefix. The bit that
/// says whether the address inside is unique globally says nothing that can be trusted.
fn isatap(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => Some(v4_of(high, low)),
        _ => None,
    }
}

fn v4_of(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what failed by panicking")]
    use super::*;

    fn shown(text: &str) -> String {
        special_use(text.parse().unwrap()).map(ToString::to_string).unwrap_or_default()
    }

    #[test]
    fn a_refusal_names_the_narrowest_range_and_its_source() {
        assert_eq!(shown("169.254.169.254"), "link-local (169.254.0.0/16, RFC 3927)");
        assert_eq!(shown("::ffff:10.0.0.1"), "private use (10.0.0.0/8, RFC 1918)");
        assert_eq!(shown("192.0.0.171"), "NAT64/DNS64 discovery (192.0.0.170/31, RFC 8880, RFC 7050)");
        assert_eq!(shown("2001:1::2"), "TURN anycast (2001:1::2/128, RFC 8155)");
        assert_eq!(shown("4000::1"), "outside of global unicast (::/0, RFC 4291, section 2.4)");
        assert_eq!(shown("8.8.8.8"), "");
    }

    #[test]
    fn every_range_is_aligned_and_can_be_reached() {
        for range in special_uses() {
            let (first, last) = range.edges();
            // A host bit in the network would move the range's end without anybody seeing it.
            let host_bits = match range.network {
                IpAddr::V4(v4) => u128::from(v4.to_bits() & u32::MAX.checked_shr(range.prefix).unwrap_or(0)),
                IpAddr::V6(v6) => v6.to_bits() & u128::MAX.checked_shr(range.prefix).unwrap_or(0),
            };
            assert_eq!(host_bits, 0, "{range}");
            assert!(special_use(first).is_some() && (range.prefix == 0 || special_use(last).is_some()), "{range}");
            // No range is hidden by a wider one that stands before it.
            let seen = [first, last].iter().any(|edge| special_use(*edge).is_some_and(|found| found == range));
            assert!(seen || range.prefix == 0, "{range} is never the answer");
        }
    }
}
