//! One escaped character: percent encoding, backslash escapes, HTML character references.

/// Longest escape that is read, in bytes: a reference with ten digits, or the longest name.
pub(super) const MAX_ESCAPE_BYTES: usize = 16;
/// Most digits of a numeric reference. Leading zeros are allowed without end; nobody writes more by accident.
const MAX_DIGITS: usize = 10;
/// The bytes that an escape begins with.
pub(super) const INTRODUCERS: [u8; 3] = [b'%', b'\\', b'&'];

/// HTML's names of ASCII punctuation, without `&` and `;`, in lower case (HTML, section 13.5), and those of
/// characters that look the same. Names of letters and digits do not exist.
const NAMES: [(&str, u8); 46] = [
    ("excl", b'!'),
    ("quot", b'"'),
    ("num", b'#'),
    ("dollar", b'$'),
    ("percnt", b'%'),
    ("amp", b'&'),
    ("apos", b'\''),
    ("lpar", b'('),
    ("rpar", b')'),
    ("ast", b'*'),
    ("midast", b'*'),
    ("plus", b'+'),
    ("comma", b','),
    ("hyphen", b'-'),
    ("dash", b'-'),
    ("minus", b'-'),
    ("period", b'.'),
    ("sol", b'/'),
    ("colon", b':'),
    ("semi", b';'),
    ("lt", b'<'),
    ("equals", b'='),
    ("gt", b'>'),
    ("quest", b'?'),
    ("commat", b'@'),
    ("lsqb", b'['),
    ("lbrack", b'['),
    ("bsol", b'\\'),
    ("rsqb", b']'),
    ("rbrack", b']'),
    ("hat", b'^'),
    ("lowbar", b'_'),
    ("underbar", b'_'),
    ("grave", b'`'),
    ("lcub", b'{'),
    ("lbrace", b'{'),
    ("verbar", b'|'),
    ("vert", b'|'),
    ("verticalline", b'|'),
    ("rcub", b'}'),
    ("rbrace", b'}'),
    ("tilde", b'~'),
    ("nbsp", b' '),
    ("newline", b'\n'),
    ("tab", b'\t'),
    ("bne", b'='),
];
/// Names that are read without a semicolon too.
const WITHOUT_SEMICOLON: [&str; 4] = ["amp", "quot", "lt", "gt"];

/// Which notation an escape is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notation {
    Percent,
    Backslash,
    Reference,
}

/// What stands at the beginning of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// No escape of a single byte.
    None,
    /// The beginning of one: more text decides.
    Cut,
    /// This byte, in so many bytes of text.
    Of { byte: u8, length: usize, notation: Notation },
}

/// The names of a character, without `&` and `;`.
pub(super) fn names(byte: u8) -> impl Iterator<Item = &'static str> {
    NAMES.iter().filter(move |(_, named)| *named == byte).map(|(name, _)| *name)
}

/// The byte that two hexadecimal digits stand for.
#[inline]
pub(super) fn pair(high: u8, low: u8) -> Option<u8> {
    Some(hex_value(high)? << 4 | hex_value(low)?)
}

/// Reads the escape that `text` begins with. With `last`, nothing comes after `text`.
#[inline]
pub(super) fn escape(text: &[u8], last: bool) -> Escape {
    let read = match text {
        // The most frequent ones first.
        [b'%', high, low, ..] => match pair(*high, *low) {
            Some(byte) => Escape::Of { byte, length: 3, notation: Notation::Percent },
            None => Escape::None,
        },
        [b'\\', b'u', b'0', b'0', high, low, ..] => match pair(*high, *low) {
            Some(byte) => Escape::Of { byte, length: 6, notation: Notation::Backslash },
            None => Escape::None,
        },
        [b'%', rest @ ..] => fixed(rest, 2, Notation::Percent, 1),
        [b'\\', rest @ ..] => backslash(rest),
        [b'&', rest @ ..] => reference(rest, last),
        _ => Escape::None,
    };
    if last && read == Escape::Cut { Escape::None } else { read }
}

fn backslash(rest: &[u8]) -> Escape {
    match rest {
        [] => Escape::Cut,
        [b'u' | b'U', b'{', rest @ ..] => braced(rest),
        [b'u' | b'U', rest @ ..] => fixed(rest, 4, Notation::Backslash, 2),
        [b'x' | b'X', rest @ ..] => fixed(rest, 2, Notation::Backslash, 2),
        [byte, ..] if byte.is_ascii_punctuation() => {
            Escape::Of { byte: *byte, length: 2, notation: Notation::Backslash }
        }
        _ => Escape::None,
    }
}

/// So many hexadecimal digits, after `before` bytes that introduce them.
fn fixed(rest: &[u8], digits: usize, notation: Notation, before: usize) -> Escape {
    let Some(number) = rest.get(..digits) else {
        return if rest.iter().all(u8::is_ascii_hexdigit) { Escape::Cut } else { Escape::None };
    };
    match number.iter().try_fold(0, |value, digit| Some(value * 16 + u64::from(hex_value(*digit)?))) {
        Some(value) => of(value, before + digits, notation),
        None => Escape::None,
    }
}

/// `\u{…}` after its brace.
fn braced(rest: &[u8]) -> Escape {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    match rest.get(digits) {
        _ if digits > MAX_DIGITS => Escape::None,
        None => Escape::Cut,
        Some(b'}') => number(rest.get(..digits), 16, digits + 4, Notation::Backslash),
        Some(_) => Escape::None,
    }
}

/// A reference after its `&`.
fn reference(rest: &[u8], last: bool) -> Escape {
    let (radix, before, body) = match rest {
        [] | [b'#'] => return Escape::Cut,
        [b'#', b'x' | b'X', body @ ..] => (16, 3, body),
        [b'#', body @ ..] => (10, 2, body),
        _ => return named(rest, last),
    };
    let digits = body.iter().take_while(|byte| hex_value(**byte).is_some_and(|value| u64::from(value) < radix)).count();
    if digits > MAX_DIGITS {
        return Escape::None;
    }
    match body.get(digits) {
        None if !last => Escape::Cut,
        // Browsers read a reference that lacks its semicolon all the same.
        after => {
            let semicolon = usize::from(after == Some(&b';'));
            number(body.get(..digits), radix, before + digits + semicolon, Notation::Reference)
        }
    }
}

fn named(rest: &[u8], last: bool) -> Escape {
    let letters = rest.iter().take(MAX_ESCAPE_BYTES - 1).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let found = |text: &[u8]| NAMES.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(text));
    let of = |byte: u8, length: usize| Escape::Of { byte, length, notation: Notation::Reference };
    let name = rest.get(..letters).unwrap_or_default();
    match rest.get(letters) {
        None if !last && letters < MAX_ESCAPE_BYTES - 1 => return Escape::Cut,
        Some(b';') => {
            if let Some((_, byte)) = found(name) {
                return of(*byte, letters + 2);
            }
        }
        _ => {}
    }
    let short = WITHOUT_SEMICOLON.iter().find(|short| {
        name.get(..short.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(short.as_bytes()))
    });
    match short.and_then(|short| found(short.as_bytes())) {
        Some((short, byte)) => of(*byte, short.len() + 1),
        None => Escape::None,
    }
}

/// At most ten digits, of the radix.
fn number(digits: Option<&[u8]>, radix: u64, length: usize, notation: Notation) -> Escape {
    match digits {
        None | Some([]) => Escape::None,
        Some(digits) => {
            let value = digits.iter().fold(0, |value, digit| value * radix + u64::from(hex_value(*digit).unwrap_or(0)));
            of(value, length, notation)
        }
    }
}

fn of(value: u64, length: usize, notation: Notation) -> Escape {
    u8::try_from(value).map_or(Escape::None, |byte| Escape::Of { byte, length, notation })
}

/// The value of a hexadecimal digit of either case.
pub(super) fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_notation_is_read_to_its_end() {
        for (text, byte, length) in [
            ("%2Bx", b'+', 3),
            ("%6bx", b'k', 3),
            (r"\u002Bx", b'+', 6),
            (r"\x2bx", b'+', 4),
            (r"\u{0002b}x", b'+', 9),
            (r"\/x", b'/', 2),
            ("&#43;x", b'+', 5),
            ("&#0000043;x", b'+', 10),
            ("&#43x", b'+', 4),
            ("&#x2B;x", b'+', 6),
            ("&#X002bz", b'+', 7),
            ("&plus;x", b'+', 6),
            ("&Lowbar;x", b'_', 8),
            ("&amp x", b'&', 4),
        ] {
            match escape(text.as_bytes(), false) {
                Escape::Of { byte: read, length: long, .. } => assert_eq!((read, long), (byte, length), "{text}"),
                other => assert_eq!(other, Escape::Of { byte, length, notation: Notation::Percent }, "{text}"),
            }
        }
        for text in ["x", "%2x", "%%2B", r"\u00", r"\n", "&nosuch;", "&#12345;", "&#xyz;", "& ", "&#00000000000043;"] {
            assert_eq!(escape(text.as_bytes(), true), Escape::None, "{text}");
        }
    }

    #[test]
    fn a_beginning_waits_for_more() {
        for text in ["%", "%2", "\\", r"\u", r"\u00", r"\u{2", r"\x2", "&", "&#", "&#4", "&#x", "&pl", "&plus"] {
            assert_eq!(escape(text.as_bytes(), false), Escape::Cut, "{text}");
        }
        assert_eq!(escape(b"&#43", true), Escape::Of { byte: b'+', length: 4, notation: Notation::Reference });
    }
}
