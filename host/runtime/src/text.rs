//! Text from connectors and upstreams, made safe to show: bounded, without control or bidirectional
//! characters.

pub(crate) use toolkeep_policy::text::is_unsafe;

/// Bytes that are looked at together where text is mostly plain: two of the widest common registers.
const PLAIN_BLOCK_BYTES: usize = 64;

/// The text without unsafe characters (each becomes `\u{FFFD}`, but the carriage return of a line's end is left out),
/// cut at a character boundary to at most `max_bytes`, with `…` where it was cut.
pub(crate) fn clean(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes && !text.chars().any(is_unsafe) {
        return text.to_owned();
    }
    let budget = max_bytes.saturating_sub('…'.len_utf8());
    let mut out = String::with_capacity(text.len().min(max_bytes));
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '\r' && rest.as_str().starts_with('\n') {
            continue;
        }
        let c = if is_unsafe(c) { '\u{FFFD}' } else { c };
        if out.len() + c.len_utf8() > budget {
            out.push('…');
            break;
        }
        out.push(c);
    }
    out
}

/// A JSON text whose strings hold no unsafe character, neither as it is nor as an escape; nothing where it holds none
/// already. The text must be valid JSON.
pub(crate) fn clean_escapes(json: &str) -> Option<String> {
    // A bare carriage return can only stand between tokens, where it is white space.
    let unsafe_as_it_is = |c: char| is_unsafe(c) && c != '\r';
    // Nearly all of it is plain, so it is passed over in runs; what is left is looked at by character.
    let is_plain = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'\\';
    let plain_run = |text: &str| {
        // Without an early end within a block, so that the processor can look at all of its bytes at once.
        let (blocks, _) = text.as_bytes().as_chunks::<PLAIN_BLOCK_BYTES>();
        let all_plain =
            |block: &&[u8; PLAIN_BLOCK_BYTES]| block.iter().fold(true, |plain, byte| plain & is_plain(byte));
        let passed = blocks.iter().take_while(all_plain).count() * PLAIN_BLOCK_BYTES;
        let rest = text.as_bytes().get(passed..).unwrap_or_default();
        passed + rest.iter().position(|byte| !is_plain(byte)).unwrap_or(rest.len())
    };
    let mut out: Option<String> = None;
    let mut rest = json;
    // Where `rest` begins, and up to where `json` was copied to `out`.
    let (mut at, mut copied) = (0, 0);
    while !rest.is_empty() {
        let run = plain_run(rest);
        let odd = rest.get(run..).unwrap_or_default();
        let Some(c) = odd.chars().next() else { break };
        let (length, clean) = match (c, odd.get(1..2)) {
            ('\\', Some("u")) => match escaped(odd) {
                Some((character, length)) if is_unsafe(character) => (length, Some("\\ufffd")),
                Some((_, length)) => (length, None),
                None => (2, None),
            },
            // The ends of lines that some systems write; and three control characters that have short escapes.
            ('\\', Some("r")) if odd.starts_with("\\r\\n") => (2, Some("")),
            ('\\', Some("r" | "b" | "f")) => (2, Some("\\ufffd")),
            // The character behind a backslash belongs to it: the second of two begins no escape.
            ('\\', Some(_)) => (2, None),
            _ if unsafe_as_it_is(c) => (c.len_utf8(), Some("\u{FFFD}")),
            _ => (c.len_utf8(), None),
        };
        at += run;
        if let Some(clean) = clean {
            let out = out.get_or_insert_with(|| String::with_capacity(json.len()));
            out.push_str(json.get(copied..at).unwrap_or_default());
            out.push_str(clean);
            copied = at + length;
        }
        at += length;
        rest = json.get(at..).unwrap_or_default();
    }
    if let Some(out) = &mut out {
        out.push_str(json.get(copied..).unwrap_or_default());
    }
    out
}

/// The character that a `\\uXXXX` escape, or a pair of them, at the beginning of `text` stands for, and the
/// length of the escape in bytes. Nothing for half a pair.
fn escaped(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(0)?;
    if let Some(character) = char::from_u32(u32::from(first)) {
        return Some((character, 6));
    }
    let pair = [first, unit(6)?];
    let character = char::decode_utf16(pair).next()?.ok()?;
    Some((character, 12))
}

/// The same on one line: line ends and tabs become spaces.
pub(crate) fn clean_line(text: &str, max_bytes: usize) -> String {
    clean(text, max_bytes).replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_codes_and_bidirectional_overrides_do_not_survive() {
        let shown = clean("a\u{1b}[31mb\u{202E}c\r\nd", 100);
        assert!(!shown.chars().any(|c| c == '\u{1b}' || c == '\u{202E}' || c == '\r'), "{shown:?}");
        assert!(clean_line("a\nlevel=error forged", 100).lines().count() == 1);
        assert_eq!(clean("a\r\nb\rc\r", 100), "a\nb\u{FFFD}c\u{FFFD}");
    }

    #[test]
    fn what_nobody_sees_is_unsafe_and_what_people_write_is_not() {
        for hidden in
            "\u{AD}\u{61C}\u{180E}\u{115F}\u{3164}\u{200D}\u{2066}\u{E0041}\u{E0101}\u{FFFE}\u{10FFFF}".chars()
        {
            assert!(is_unsafe(hidden), "{hidden:?}");
        }
        for seen in "aé漢字עברית👍\u{FE0F}\u{A0}\u{FFFD}\n".chars() {
            assert!(!is_unsafe(seen), "{seen:?}");
        }
    }

    #[test]
    fn escapes_in_json_are_cleaned_as_what_they_stand_for() {
        assert_eq!(clean_escapes("{\r\n\"a\": 1}"), None);
        assert_eq!(clean_escapes(r#"{"a":"plain ä \n \\ \" "}"#), None);
        let cases = [
            (r#"{"a":"x\u001b[2J"}"#, r#"{"a":"x\ufffd[2J"}"#),
            (r#"{"a":"\u202Eb\u0041"}"#, r#"{"a":"\ufffdb\u0041"}"#),
            (r#"{"\ra":"\b\f\n\t\/"}"#, r#"{"\ufffda":"\ufffd\ufffd\n\t\/"}"#),
            (r#"{"a":"b\r\nc\r"}"#, r#"{"a":"b\nc\ufffd"}"#),
            (r#"{"a":"b\\r\\b"}"#, r#"{"a":"b\\r\\b"}"#),
            // A backslash, and the letters that follow it.
            (r#"{"a":"\\u001b"}"#, r#"{"a":"\\u001b"}"#),
            (r#"{"a":"\\\u001b"}"#, r#"{"a":"\\\ufffd"}"#),
            // U+E0041, a tag character, as a pair; and an emoji, which is none.
            (r#"{"a":"\udb40\udc41\ud83d\ude00"}"#, r#"{"a":"\ufffd\ud83d\ude00"}"#),
            ("{\"a\":\"b\u{202E}c\"}", "{\"a\":\"b\u{FFFD}c\"}"),
        ];
        for (given, clean) in cases {
            assert_eq!(clean_escapes(given).as_deref().unwrap_or(given), clean, "{given}");
        }
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        let cut = clean(&"ü".repeat(100), 20);
        assert!(cut.len() <= 20 && cut.ends_with('…'), "{cut}");
        assert_eq!(clean("short", 20), "short");
    }
}
