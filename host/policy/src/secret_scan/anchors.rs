//! Where a form of the secret may begin: three bytes in a row, each from a small set.
//!
//! One table says, for each byte, in which places of which anchors it may stand; three look-ups and two
//! conjunctions tell of a place in the text which anchors fit. That costs the same whatever the text holds, so no
//! text is slow to look through; and most text is passed over much faster ([`super::vector`]).

use zeroize::Zeroizing;

use super::escape::{Escape, INTRODUCERS, MAX_ESCAPE_BYTES, escape, names, pair};
use super::reading::{Reading, Trail, base64_characters, base64_end, base64_start, base64_value};
use super::vector::Halves;

/// Bytes of an anchor. With two, ordinary text would be full of them; the shortest escape has three.
pub(super) const WIDTH: usize = 3;
/// Most anchors: as many as fit three times into 64 bits.
const MAX_ANCHORS: u32 = 21;
/// Shortest rest of a base64 form that is proof enough, in characters: 48 bits of the secret.
const MIN_BASE64: usize = 8;

/// What an anchor says of the form that begins there.
#[derive(Clone, Copy)]
enum Start {
    /// It is read from the anchor's first byte on, and this of the secret comes first.
    Here(Reading, usize),
    /// The anchor is part of the secret's first character, escaped; it may begin a little before.
    InEscape,
}

/// Anchors that are alike, so that together they fit little else.
#[derive(Clone, Copy)]
enum Group {
    AsItIs,
    ThenEscape,
    Hexadecimal,
    Decimal,
    Digits,
    Reversed,
    Base64,
    Base64Later,
}

/// The anchors of one secret.
pub(super) struct Anchors {
    /// For each byte: a bit for each anchor whose first byte it may be, then for the second, then the third.
    table: Box<Zeroizing<[u64; 256]>>,
    halves: Halves,
    starts: Vec<Start>,
    /// The secret's first two characters.
    first: u8,
    second: u8,
}

impl Anchors {
    /// The anchors of a secret; nothing where it is shorter than one.
    pub(super) fn new(secret: &[u8]) -> Option<Self> {
        let &[c0, c1, c2, ..] = secret else { return None };
        let &[.., z2, z1, z0] = secret else { return None };
        let mut anchors = Self {
            table: Box::new(Zeroizing::new([0; 256])),
            halves: Halves::default(),
            starts: Vec::with_capacity(MAX_ANCHORS as usize),
            first: c0,
            second: c1,
        };
        let text = |next| Start::Here(Reading::Text, next);
        let introducer = INTRODUCERS.as_slice();
        let (first, second, third) = (as_it_is(c0), as_it_is(c1), as_it_is(c2));
        // The first character as it is, and after it another, or an escape.
        anchors.add(Group::AsItIs, text(0), [&first, &second, &[&third, introducer].concat()]);
        let mut inside = b"uUxX#".to_vec();
        inside.extend(&second);
        inside.extend(high_digits(c1));
        inside.extend(names(c1).filter_map(|name| name.bytes().next()).flat_map(both_cases));
        anchors.add(Group::ThenEscape, text(0), [&first, introducer, &inside]);
        // The first character escaped. A number is recognised by its last digits, whatever stands before them.
        let (high, low) = (high_digits(c0), both_cases(hex_digit(c0 & 15)));
        anchors.add(Group::Hexadecimal, Start::InEscape, [b"%", &high, &low]);
        anchors.add(Group::Hexadecimal, Start::InEscape, [b"0", &high, &low]);
        anchors.add(Group::Hexadecimal, Start::InEscape, [b"xX{", &high, &low]);
        let cases = both_cases(c0);
        for byte in cases.into_iter().take(if c0.is_ascii_alphabetic() { 2 } else { 1 }) {
            let [hundreds, tens, ones] = [byte / 100, byte / 10 % 10, byte % 10].map(|digit| b'0' + digit);
            let before = if byte < 100 { b"#0".to_vec() } else { vec![hundreds] };
            anchors.add(Group::Decimal, Start::InEscape, [&before, &[tens], &[ones]]);
        }
        let names: Vec<&[u8]> = names(c0).map(str::as_bytes).collect();
        let letters = |place: usize| -> Vec<u8> {
            names.iter().filter_map(|name| name.get(place)).flat_map(|letter| both_cases(*letter)).collect()
        };
        anchors.add(Group::ThenEscape, text(0), [b"&", &letters(0), &letters(1)]);
        if c0.is_ascii_punctuation() {
            anchors.add(Group::ThenEscape, text(0), [b"\\", &[c0], &[&second, introducer].concat()]);
        }
        anchors.add(Group::Digits, Start::Here(Reading::Hexadecimal, 0), [&high, &low, &high_digits(c1)]);
        anchors.add(Group::ThenEscape, Start::Here(Reading::Utf16, 0), [&first, &[0], &second]);
        anchors.add(Group::Reversed, Start::Here(Reading::Reversed, 0), [&as_it_is(z0), &as_it_is(z1), &as_it_is(z2)]);
        for alignment in 0..3 {
            anchors.add_base64(secret, alignment);
        }
        Some(anchors)
    }

    /// Two places of a base64 form, apart from each other, so that a line end can be in only one of them; and
    /// without the two characters that differ between alphabets and may be escaped themselves, if there are such.
    fn add_base64(&mut self, secret: &[u8], alignment: usize) {
        let (start, end) = (base64_start(alignment), base64_end(secret, alignment));
        let characters = |number: usize| base64_value(secret, alignment, number).map(base64_characters);
        let plain = |number: usize| characters(number).is_some_and(|[one, other]| one == other);
        let mut place = |group: Group, from: usize| -> Option<usize> {
            let last = end.checked_sub(MIN_BASE64)?;
            let at = (from..=last).find(|at| (*at..at + WIDTH).all(plain));
            // A secret in which every third character is one of those two: then it must do as it is.
            let at = at.or_else(|| (from..=last).next().filter(|_| from == start))?;
            let [one, two, three] = [characters(at)?, characters(at + 1)?, characters(at + 2)?];
            self.add(group, Start::Here(Reading::Base64 { alignment }, at), [&one, &two, &three]);
            Some(at)
        };
        if let Some(at) = place(Group::Base64, start) {
            place(Group::Base64Later, at + WIDTH);
        }
    }

    /// An anchor in which each of the three bytes is one of a set. One that nothing can fit is none.
    fn add(&mut self, group: Group, start: Start, places: [&[u8]; WIDTH]) {
        let number = u32::try_from(self.starts.len()).unwrap_or(MAX_ANCHORS);
        if number >= MAX_ANCHORS || places.iter().any(|bytes| bytes.is_empty()) {
            return;
        }
        for (bytes, place) in places.into_iter().zip(0..) {
            for byte in bytes {
                if let Some(entry) = self.table.get_mut(usize::from(*byte)) {
                    *entry |= 1 << (place * MAX_ANCHORS + number);
                }
                self.halves.allow(group as u32, place as usize, *byte);
            }
        }
        self.starts.push(start);
    }

    /// Tells `visit` of every place from `from` on where anchors fit, with a bit for each of them, until it has an
    /// answer.
    pub(super) fn each<T>(
        &self,
        text: &[u8],
        from: usize,
        mut visit: impl FnMut(usize, u64) -> Option<T>,
    ) -> Option<T> {
        let of = self.look_up();
        let exactly = |at: usize| match text.get(at..) {
            Some([x, y, z, ..]) => fits(of(*x), of(*y), of(*z)),
            _ => 0,
        };
        let looked = self.halves.each(text, from, |at| match exactly(at) {
            0 => None,
            anchors => visit(at, anchors),
        });
        match looked {
            Ok(answer) => Some(answer),
            Err(at) => self.one_by_one(text, at, visit),
        }
    }

    /// The same without vectors: for what is too short for them, and where there are none.
    fn one_by_one<T>(&self, text: &[u8], from: usize, mut visit: impl FnMut(usize, u64) -> Option<T>) -> Option<T> {
        let of = self.look_up();
        let [first, second, rest @ ..] = text.get(from..)? else { return None };
        let (mut x, mut y) = (of(*first), of(*second));
        let mut at = from;
        // Eight places with one branch.
        let (blocks, remainder) = rest.as_chunks::<8>();
        for block in blocks {
            let [a, b, c, d, e, f, g, h] = block.map(&of);
            let places = [
                fits(x, y, a),
                fits(y, a, b),
                fits(a, b, c),
                fits(b, c, d),
                fits(c, d, e),
                fits(d, e, f),
                fits(e, f, g),
                fits(f, g, h),
            ];
            if places.into_iter().fold(0, |any, anchors| any | anchors) != 0 {
                let fitting = places.into_iter().zip(at..).filter(|(anchors, _)| *anchors != 0);
                for (anchors, at) in fitting {
                    if let Some(answer) = visit(at, anchors) {
                        return Some(answer);
                    }
                }
            }
            (x, y) = (g, h);
            at += 8;
        }
        for byte in remainder {
            let z = of(*byte);
            let anchors = fits(x, y, z);
            if anchors != 0
                && let Some(answer) = visit(at, anchors)
            {
                return Some(answer);
            }
            (x, y) = (y, z);
            at += 1;
        }
        None
    }

    fn look_up(&self) -> impl Fn(u8) -> u64 {
        let table: &[u64; 256] = &self.table;
        |byte| table.get(usize::from(byte)).copied().unwrap_or(0)
    }

    /// The beginnings that these anchors mean at `at`.
    pub(super) fn trails(&self, mut anchors: u64, text: &[u8], at: usize) -> impl Iterator<Item = Trail> {
        std::iter::from_fn(move || {
            while anchors != 0 {
                let start = self.starts.get(anchors.trailing_zeros() as usize);
                anchors &= anchors - 1;
                let trail = match *start? {
                    Start::Here(reading, next) => Some(Trail::new(reading, at, next)),
                    Start::InEscape => self.escape_around(text, at),
                };
                if trail.is_some() {
                    return trail;
                }
            }
            None
        })
    }

    /// Whether the secret's second character may come next: in text full of escapes its first one is frequent.
    fn goes_on(&self, rest: &[u8]) -> bool {
        let fits = |byte: u8| byte.eq_ignore_ascii_case(&self.second) || (self.second == b' ' && byte == b'+');
        match rest {
            [b'%', high, low, ..] => self.second == b'%' || pair(*high, *low).is_some_and(fits),
            [] | [b'%' | b'\\' | b'&', ..] => true,
            [byte, ..] => fits(*byte),
        }
    }

    /// The trail of the escape that an anchor lies in, if it stands for the secret's first character.
    fn escape_around(&self, text: &[u8], at: usize) -> Option<Trail> {
        let earliest = at.saturating_sub(MAX_ESCAPE_BYTES);
        let before = text.get(earliest..=at)?;
        let begins = earliest + before.iter().rposition(|byte| INTRODUCERS.contains(byte))?;
        match escape(text.get(begins..)?, false) {
            Escape::Of { byte, length, notation } if byte.eq_ignore_ascii_case(&self.first) => self
                .goes_on(text.get(begins + length..)?)
                .then(|| Trail::after_escape(begins + length, notation, byte != self.first)),
            // One that is not whole yet is followed until it is.
            Escape::Cut => Some(Trail::new(Reading::Text, begins, 0)),
            Escape::Of { .. } | Escape::None => None,
        }
    }
}

/// The anchors that fit three bytes in a row.
fn fits(x: u64, y: u64, z: u64) -> u64 {
    x & (y >> MAX_ANCHORS) & (z >> (2 * MAX_ANCHORS))
}

/// A character as a text that changes case, or writes spaces as pluses, may hold it.
fn as_it_is(byte: u8) -> Vec<u8> {
    let mut forms = both_cases(byte).to_vec();
    if byte == b' ' {
        forms.push(b'+');
    }
    forms
}

fn both_cases(byte: u8) -> [u8; 2] {
    [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()]
}

/// The first hexadecimal digit of a character in either case.
fn high_digits(byte: u8) -> Vec<u8> {
    both_cases(byte).into_iter().flat_map(|byte| both_cases(hex_digit(byte >> 4))).collect()
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn vectors_find_what_one_look_at_a_time_finds(
            secret in "[ -~]{8,20}",
            noise in proptest::collection::vec(any::<u8>(), 0..400),
            alike in "[%&u0+ab;#\\\\xp5426=0-9]{0,400}",
        ) {
            let anchors = Anchors::new(secret.as_bytes()).unwrap();
            let text = [noise.as_slice(), secret.as_bytes(), alike.as_bytes(), secret.as_bytes()].concat();
            let (mut by_vectors, mut one_by_one) = (Vec::new(), Vec::new());
            let none: Option<()> = anchors.each(&text, 0, |at, fitting| {
                by_vectors.push((at, fitting));
                None
            });
            prop_assert_eq!(none.or(anchors.one_by_one(&text, 0, |at, fitting| {
                one_by_one.push((at, fitting));
                None
            })), None);
            prop_assert_eq!(&by_vectors, &one_by_one);
            prop_assert!(one_by_one.iter().any(|(at, _)| *at == noise.len()));
        }
    }
}
