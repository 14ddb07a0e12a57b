//! Repeatable randomness: the same seed gives the same company, whatever the platform.

/// SplitMix64 (Steele, Lea and Flood, 2014): tiny, and good enough to scatter test data.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number in `low..=high`; `low` when the range is empty.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).saturating_add(1);
        match u64::try_from(span) {
            Ok(span) if span > 0 => low.saturating_add_unsigned(self.next() % span),
            _ => low,
        }
    }

    /// True in `percent` cases of a hundred.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// One of the items, or none of an empty list.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(items.len()).ok().filter(|&count| count > 0)?;
        items.get(usize::try_from(self.next() % count).ok()?)
    }
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// An identifier in PagerDuty's shape: `prefix`, then capitals and digits up to `length` characters.
/// The same parts always give the same identifier.
pub(crate) fn identifier(prefix: &str, length: usize, kind: &str, name: &str, number: u64) -> String {
    const LETTERS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    // FNV-1a, so that a name always keeps its identifier; the standard hasher promises no such thing.
    let mut hash = 0xCBF2_9CE4_8422_2325_u64 ^ mix(number);
    for byte in kind.bytes().chain([b'/']).chain(name.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    let mut random = Random::new(hash);
    let mut id = String::with_capacity(length);
    id.push_str(prefix);
    while id.len() < length {
        if let Some(&letter) = random.pick(LETTERS) {
            id.push(char::from(letter));
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_shape_and_do_not_move() {
        let id = identifier("P", 7, "service", "payment-service", 0);
        assert_eq!(id.len(), 7);
        assert!(id.starts_with('P'));
        assert_eq!(id, identifier("P", 7, "service", "payment-service", 0));
        assert_ne!(id, identifier("P", 7, "service", "payment-service", 1));
    }

    #[test]
    fn between_keeps_to_its_bounds() {
        let mut random = Random::new(1);
        assert!((0..1_000).all(|_| (3..=9).contains(&random.between(3, 9))));
        assert_eq!(random.between(5, 4), 5);
    }
}
