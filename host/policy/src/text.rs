//! Which characters can deceive a reader: those that show nothing of themselves, or change how the text around
//! them is shown. One list for everything that strangers write and people or models read.

/// Whether a character does not belong into a text from a stranger: terminal codes, forged lines, bidirectional
/// controls, and what is invisible and can carry a hidden message. Line feed and tab are text.
///
/// The characters are Unicode's `Cc`, `Bidi_Control` and `Default_Ignorable_Code_Point`, the line and paragraph
/// separators, and the noncharacters at the end of each plane; without the selectors that shape a visible letter
/// (the three Mongolian and the sixteen common variation selectors).
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    // Plain text is what nearly all of it is.
    if matches!(c, ' '..='~' | '\n' | '\t') {
        return false;
    }
    matches!(
        c,
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}'     // controls
            | '\u{AD}' | '\u{034F}'                // soft hyphen, grapheme joiner
            | '\u{061C}'                           // Arabic letter mark: a bidirectional control
            | '\u{115F}'..='\u{1160}' | '\u{3164}' | '\u{FFA0}' // fillers: letters that nobody sees
            | '\u{17B4}'..='\u{17B5}' | '\u{180E}' // Khmer vowels without a shape, Mongolian vowel separator
            | '\u{200B}'..='\u{200F}'              // zero width, direction marks
            | '\u{2028}'..='\u{202E}'              // line and paragraph ends, bidirectional controls
            | '\u{2060}'..='\u{206F}'              // word joiner, invisible operators, bidirectional isolates
            | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}' // byte order mark, specials, interlinear annotation
            | '\u{1BCA0}'..='\u{1BCA3}'            // shorthand format controls
            | '\u{1D173}'..='\u{1D17A}'            // musical format controls
            | '\u{E0000}'..='\u{E0FFF}' // tags and the other variation selectors: whole messages are hidden in them
    ) || c as u32 & 0xFFFE == 0xFFFE
}

/// Whether a character cannot stand in a name that people tell apart by looking at it: what [`is_unsafe`] says,
/// line ends, every white space but the plain space, everything that is drawn as nothing, and what has no
/// agreed look (private use, noncharacters).
#[must_use]
pub fn is_unsafe_in_name(c: char) -> bool {
    is_unsafe(c)
        || (c.is_whitespace() && c != ' ')
        || matches!(
            c,
            '\u{180B}'..='\u{180F}'                       // Mongolian selectors
                | '\u{2800}'                              // Braille without a dot
                | '\u{FE00}'..='\u{FE0F}'                 // variation selectors
                | '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}' // private use
                | '\u{FDD0}'..='\u{FDEF}' // noncharacters
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_deceives_is_unsafe_and_what_people_write_is_not() {
        for c in ['\0', '\r', '\u{1b}', '\u{7f}', '\u{85}', '\u{61C}', '\u{200B}', '\u{200D}', '\u{200E}', '\u{2028}'] {
            assert!(is_unsafe(c) && is_unsafe_in_name(c), "{c:?}");
        }
        for c in [
            '\u{AD}',
            '\u{1FFFE}',
            '\u{202E}',
            '\u{2066}',
            '\u{3164}',
            '\u{FEFF}',
            '\u{FFF9}',
            '\u{E0041}',
            '\u{E0100}',
            '\u{E01EF}',
        ] {
            assert!(is_unsafe(c) && is_unsafe_in_name(c), "{c:?}");
        }
        for c in ['\n', '\t', '\u{A0}', '\u{2003}', '\u{3000}', '\u{2800}', '\u{FE0F}', '\u{E000}', '\u{FDD0}'] {
            assert!(!is_unsafe(c) && is_unsafe_in_name(c), "{c:?}");
        }
        for c in "a ~ä–…字é̀あ🙂א@|".chars() {
            assert!(!is_unsafe(c) && !is_unsafe_in_name(c), "{c:?}");
        }
    }

    #[test]
    fn the_scalar_edges_are_decided() {
        // One on each side of every edge of the lists above that is not a neighbour of another.
        for (inside, outside) in [
            ('\u{1F}', ' '),
            ('\u{7F}', '~'),
            ('\u{9F}', '\u{A1}'),
            ('\u{200F}', '\u{2010}'),
            ('\u{2028}', '\u{2027}'),
            ('\u{2060}', '\u{205E}'),
            ('\u{206F}', '\u{2070}'),
            ('\u{FFFB}', '\u{FFFC}'),
            ('\u{E0FFF}', '\u{DFFFD}'),
        ] {
            assert!(is_unsafe(inside) && !is_unsafe(outside), "{inside:?} {outside:?}");
        }
    }
}
