//! Text from connectors and upstreams, made safe to show: bounded, without control or bidirectional
//! characters.

/// Whether a character can change how the text around it is shown: terminal codes, line forgery, bidirectional
/// overrides, invisible characters.
pub(crate) fn is_unsafe(c: char) -> bool {
    // Plain text is what nearly all of it is.
    if (' '..='~').contains(&c) {
        return false;
    }
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// The text without unsafe characters (each becomes `\u{FFFD}`), cut at a character boundary to at most
/// `max_bytes`, with `…` where it was cut.
pub(crate) fn clean(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes && !text.chars().any(is_unsafe) {
        return text.to_owned();
    }
    let budget = max_bytes.saturating_sub('…'.len_utf8());
    let mut out = String::with_capacity(text.len().min(max_bytes));
    for c in text.chars() {
        let c = if is_unsafe(c) { '\u{FFFD}' } else { c };
        if out.len() + c.len_utf8() > budget {
            out.push('…');
            break;
        }
        out.push(c);
    }
    out
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
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        let cut = clean(&"ü".repeat(100), 20);
        assert!(cut.len() <= 20 && cut.ends_with('…'), "{cut}");
        assert_eq!(clean("short", 20), "short");
    }
}
