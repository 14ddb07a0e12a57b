//! Undoing encodings, leniently: what is no encoding decodes to bytes in which nothing is found.

use std::io::Read;

use flate2::read::{MultiGzDecoder, ZlibDecoder};

/// What compressed data in `bytes` unpacks to: the first `max_pieces` places that look like a beginning, up to
/// `max_bytes` of each, also where the data breaks off.
pub(super) fn compressed(bytes: &[u8], max_pieces: usize, max_bytes: usize) -> Vec<(&'static str, Vec<u8>)> {
    let starts = memchr::memchr2_iter(0x1F, 0x78, bytes).filter_map(|at| {
        let rest = bytes.get(at..)?;
        match rest {
            [0x1F, 0x8B, 8, ..] => Some(("gzip", rest)),
            // RFC 1950, section 2.2: window of 32 KiB, and a check of the first two bytes.
            [0x78, flags, ..] if (0x7800 + u32::from(*flags)).is_multiple_of(31) => Some(("zlib", rest)),
            _ => None,
        }
    });
    let unpack = |(name, rest): (&'static str, &[u8])| {
        let mut unpacked = Vec::new();
        let limit = max_bytes as u64;
        // An error ends the data; what came before it counts.
        let _ended = match name {
            "gzip" => MultiGzDecoder::new(rest).take(limit).read_to_end(&mut unpacked),
            _ => ZlibDecoder::new(rest).take(limit).read_to_end(&mut unpacked),
        };
        (name, unpacked)
    };
    starts.take(max_pieces).map(unpack).filter(|(_, unpacked)| !unpacked.is_empty()).collect()
}

/// The bytes without their NULs, where text stands with a NUL beside each character (UTF-16 of either end,
/// UTF-32); nothing where there is no such place.
pub(super) fn without_nuls(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(0, rest) {
        // From one byte before the NUL, as far as NULs and others alternate.
        let from = at.saturating_sub(1);
        let region = rest.get(from..).unwrap_or_default();
        let mut length = 0;
        let (mut zeros, mut others) = (0, 0);
        for &byte in region {
            (zeros, others) = if byte == 0 { (zeros + 1, 0) } else { (0, others + 1) };
            if zeros > 3 || others > 3 {
                break;
            }
            length += 1;
        }
        let region = region.get(..length).unwrap_or_default();
        let nuls = memchr::memchr_iter(0, region).count();
        if region.len() >= 16 && nuls * 3 >= region.len() {
            out.extend(region.iter().filter(|byte| **byte != 0));
            out.push(b'\n');
        }
        rest = rest.get(from + length.max(2)..).unwrap_or_default();
        // A desert of zeros is left at once.
        let skip = rest.iter().take_while(|byte| **byte == 0).count();
        rest = rest.get(skip.saturating_sub(1)..).unwrap_or_default();
        if skip == rest.len() {
            break;
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Runs of at least `min` bytes that can be text: printable, line ends, or beyond ASCII.
pub(super) fn texts(bytes: &[u8], min: usize) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|&byte| !(byte >= 0x80 || (0x20..0x7F).contains(&byte) || matches!(byte, b'\t' | b'\r' | b'\n')))
        .filter(move |run| run.len() >= min)
}

/// A text with the escapes of each kind that it holds undone.
pub(super) fn whole_text(text: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut out = Vec::new();
    let mut add = |name, decoded: Option<Vec<u8>>| out.extend(decoded.map(|decoded| (name, decoded)));
    add("percent encoding", replaced(text, b'%', |rest| Some((hex_pair(rest.get(1..3)?)?, 3))));
    add("backslash escapes", replaced(text, b'\\', backslash));
    add("HTML references", replaced(text, b'&', html));
    add("quoted-printable", replaced(text, b'=', |rest| Some((hex_pair(rest.get(1..3)?)?, 3))));
    out
}

/// The text with each escape replaced; nothing where it holds none. `escape` reads one that begins with `mark`:
/// the byte it stands for, and its length.
fn replaced(text: &[u8], mark: u8, escape: impl Fn(&[u8]) -> Option<(u8, usize)>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text;
    let mut changed = false;
    while let Some(at) = memchr::memchr(mark, rest) {
        let (before, from) = rest.split_at_checked(at)?;
        out.extend_from_slice(before);
        let (byte, length) = match escape(from) {
            Some(found) => {
                changed = true;
                found
            }
            None => (mark, 1),
        };
        out.push(byte);
        rest = from.get(length..)?;
    }
    out.extend_from_slice(rest);
    changed.then_some(out)
}

/// JSON and its relatives: `\u002b`, `\u{2b}`, `\x2b`, `\/`.
fn backslash(rest: &[u8]) -> Option<(u8, usize)> {
    match rest.get(1)? {
        b'u' if rest.get(2) == Some(&b'{') => {
            let end = rest.iter().take(12).position(|&byte| byte == b'}')?;
            let code = u32::from_str_radix(std::str::from_utf8(rest.get(3..end)?).ok()?, 16).ok()?;
            Some((u8::try_from(code).ok()?, end + 1))
        }
        b'u' => match (hex_pair(rest.get(2..4)?)?, hex_pair(rest.get(4..6)?)?) {
            (0, low) => Some((low, 6)),
            _ => None,
        },
        b'x' => Some((hex_pair(rest.get(2..4)?)?, 4)),
        b'n' | b'r' | b't' => Some((b'\n', 2)),
        other => Some((*other, 2)),
    }
}

/// `&#43;`, `&#x2b;`, `&plus;`.
fn html(rest: &[u8]) -> Option<(u8, usize)> {
    let end = rest.iter().take(12).position(|&byte| byte == b';')?;
    let name = std::str::from_utf8(rest.get(1..end)?).ok()?;
    let code = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        },
        None => u32::from(named(name)?),
    };
    Some((u8::try_from(code).ok()?, end + 1))
}

/// HTML's names for the ASCII characters that have one (HTML, section 13.5).
fn named(name: &str) -> Option<u8> {
    const NAMES: [(&str, u8); 36] = [
        ("Tab", b'\t'),
        ("NewLine", b'\n'),
        ("excl", b'!'),
        ("quot", b'"'),
        ("QUOT", b'"'),
        ("num", b'#'),
        ("dollar", b'$'),
        ("percnt", b'%'),
        ("amp", b'&'),
        ("AMP", b'&'),
        ("apos", b'\''),
        ("lpar", b'('),
        ("rpar", b')'),
        ("ast", b'*'),
        ("plus", b'+'),
        ("comma", b','),
        ("hyphen", b'-'),
        ("period", b'.'),
        ("sol", b'/'),
        ("colon", b':'),
        ("semi", b';'),
        ("lt", b'<'),
        ("LT", b'<'),
        ("equals", b'='),
        ("gt", b'>'),
        ("GT", b'>'),
        ("quest", b'?'),
        ("commat", b'@'),
        ("lsqb", b'['),
        ("bsol", b'\\'),
        ("rsqb", b']'),
        ("Hat", b'^'),
        ("lowbar", b'_'),
        ("grave", b'`'),
        ("lcub", b'{'),
        ("rcub", b'}'),
    ];
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, byte)| *byte)
}

fn hex_pair(digits: &[u8]) -> Option<u8> {
    let &[high, low] = digits else { return None };
    Some(nibble(high)? << 4 | nibble(low)?)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Gives `take` what each word of a text decodes to that could hold `min` bytes: hexadecimal at both alignments,
/// base64 of either alphabet at all four, lists of byte values. Until `take` has enough.
pub(super) fn words(text: &[u8], min: usize, take: &mut dyn FnMut(&'static str, &[u8]) -> bool) {
    let mut more = true;
    runs(text, nibble, |byte| matches!(byte, b'\r' | b'\n'), &mut |nibbles| {
        for from in 0..2 {
            let bytes: Vec<u8> = nibbles
                .get(from..)
                .unwrap_or_default()
                .chunks_exact(2)
                .map(|pair| pair.iter().fold(0, |byte, nibble| byte << 4 | nibble))
                .collect();
            more = more && (bytes.len() < min || take("hexadecimal", &bytes));
        }
        more
    });
    if !more {
        return;
    }
    runs(text, sextet, |byte| matches!(byte, b'\r' | b'\n'), &mut |sextets| {
        for from in 0..4 {
            let bytes = from_sextets(sextets.get(from..).unwrap_or_default());
            more = more && (bytes.len() < min || take("base64", &bytes));
        }
        more
    });
    if more {
        byte_values(text, min, take);
    }
}

/// Calls `take` with the values of each run of bytes that have one; `skipped` bytes interrupt none.
fn runs(
    text: &[u8],
    value: impl Fn(u8) -> Option<u8>,
    skipped: impl Fn(u8) -> bool,
    take: &mut dyn FnMut(&[u8]) -> bool,
) {
    let mut run = Vec::new();
    for &byte in text {
        match value(byte) {
            Some(value) => run.push(value),
            None if skipped(byte) => {}
            None => {
                if run.len() >= 16 && !take(&run) {
                    return;
                }
                run.clear();
            }
        }
    }
    if run.len() >= 16 {
        take(&run);
    }
}

/// A character of base64 or base64url (RFC 4648, tables 1 and 2).
fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

fn from_sextets(sextets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(sextets.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for &sextet in sextets {
        bits = (bits << 6 | u32::from(sextet)) & 0xFFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xFF) as u8);
        }
    }
    out
}

/// Lists such as `[112, 100, 117]`, as debuggers print bytes.
fn byte_values(text: &[u8], min: usize, take: &mut dyn FnMut(&'static str, &[u8]) -> bool) {
    let mut list: Vec<u8> = Vec::new();
    let mut number: Option<u32> = None;
    for &byte in text.iter().chain(b"]") {
        if byte.is_ascii_digit() {
            let value = number.unwrap_or(0).saturating_mul(10).saturating_add(u32::from(byte - b'0'));
            number = Some(value);
            continue;
        }
        match number.take().map(u8::try_from) {
            Some(Ok(value)) => list.push(value),
            Some(Err(_)) => list.clear(),
            None => {}
        }
        if !matches!(byte, b',' | b' ' | b'\n' | b'\t') {
            if list.len() >= min && !take("byte values", &list) {
                return;
            }
            list.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_escape_stays() {
        assert_eq!(whole_text(b"100% & a\xff= b").len(), 0);
        assert_eq!(replaced(b"a%2", b'%', |rest| Some((hex_pair(rest.get(1..3)?)?, 3))), None);
        assert_eq!(html(b"&amp;x"), Some((b'&', 5)));
        assert_eq!(html(b"&nonsense;"), None);
        assert_eq!(backslash(b"\\u{2b}"), Some((b'+', 6)));
        assert_eq!(backslash(b"\\u202b"), None);
        assert_eq!(without_nuls(&[0; 1_000]), None);
        assert_eq!(without_nuls(b"no nul"), None);
        assert_eq!(without_nuls(b"a\0b\0c\0d\0e\0f\0g\0h\0i\0").as_deref(), Some(&b"abcdefghi\n"[..]));
        assert!(compressed(b"x\x9c\x78\x01nothing", 8, 100).is_empty());
    }
}
