//! Looking for a secret in what comes back: as it is, and in every encoding that a server or a connector could
//! turn it into without trying hard. This is the second line; the first is where requests may go at all.
//!
//! A secret can be written in more ways than can be listed: each character may be escaped or not, in one of
//! several notations, in digits of either case. So nothing is listed. Every form is recognised by three bytes
//! near its beginning ([`anchors`]), which one table look-up for each byte of the text finds whatever the text
//! is full of; from there the form is read character by character, decoding as it goes, and compared with the
//! secret ([`reading`], [`escape`]). Both steps go on across the pieces of a body ([`Stream`]), so a form is
//! found however it was cut.
//!
//! | form | as in (for `k+Z`) |
//! | --- | --- |
//! | plain, in any case | `k+Z`, `K+z` |
//! | percent encoding (RFC 3986, section 2.1), of some characters or all | `k%2bZ`, `%6B%2B%5a` |
//! | JSON and JavaScript escapes (RFC 8259, section 7), of some or all | `k\u002BZ`, `\x6b+\u{5a}`, `k\/` |
//! | HTML character references, of some or all | `k&plus;Z`, `&#0107;&#x2b;Z` |
//! | hexadecimal | `6b2B5a` |
//! | base64 and base64url (RFC 4648), wherever in it the secret begins, over line ends, itself escaped | `aytaCg==` |
//! | UTF-16, of either byte order | `k\0+\0Z\0` |
//! | reversed | `Z+k` |
//!
//! Where a secret is short its forms stand in honest text by chance, and an honest answer would be refused: of
//! eight letters and digits in either case, about three in a million answers of 8 MiB would be. So eight bytes
//! are the least that a scanner is made for, as they are the least that the vault stores.

mod anchors;
mod escape;
mod reading;
mod vector;

use zeroize::Zeroizing;

use anchors::Anchors;
use reading::{Step, Trail};

/// Shortest secret that can be looked for, in bytes; see the module's text.
pub const MIN_SECRET_BYTES: usize = 8;
/// Most beginnings that are followed at once. A text can only begin a secret again and again where the secret
/// repeats itself; one that does it this often is taken for an attempt to hide something.
const MAX_TRAILS: usize = 1_024;

/// How a secret was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// As it is.
    Plain,
    /// With letters in another case.
    ChangedCase,
    /// With percent encoding.
    Percent,
    /// With backslash escapes.
    JsonEscapes,
    /// With HTML character references.
    HtmlEntities,
    /// With escapes of several kinds, or in a text that begins it too often to be followed.
    MixedEscapes,
    /// In hexadecimal digits.
    Hexadecimal,
    /// In base64.
    Base64,
    /// In base64 with the URL-safe alphabet.
    Base64Url,
    /// In 16-bit characters.
    Utf16,
    /// Backwards.
    Reversed,
}

impl Form {
    /// Its name, for the operator and the audit log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain text",
            Self::ChangedCase => "text in another case",
            Self::Percent => "percent encoding",
            Self::JsonEscapes => "JSON escapes",
            Self::HtmlEntities => "HTML entities",
            Self::MixedEscapes => "mixed escapes",
            Self::Hexadecimal => "hexadecimal",
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
            Self::Utf16 => "UTF-16",
            Self::Reversed => "reversed text",
        }
    }
}

/// One secret, ready to be looked for. It cannot be printed, and is wiped when it is dropped. Making one costs
/// less than a microsecond, so it is made for each call.
pub struct Scanner {
    secret: Zeroizing<Vec<u8>>,
    anchors: Anchors,
}

impl Scanner {
    /// A scanner for a secret of at least [`MIN_SECRET_BYTES`]; nothing for a shorter one.
    #[must_use]
    pub fn new(secret: &[u8]) -> Option<Self> {
        if secret.len() < MIN_SECRET_BYTES {
            return None;
        }
        Some(Self { anchors: Anchors::new(secret)?, secret: Zeroizing::new(secret.to_vec()) })
    }

    /// The form in which the secret stands in a whole text, if it does.
    #[must_use]
    pub fn find(&self, text: &[u8]) -> Option<Form> {
        self.advance(text, &mut Progress::default(), true)
    }

    /// Begins to look through a text that grows piece by piece.
    #[must_use]
    pub fn stream(&self) -> Stream<'_> {
        Stream { scanner: self, progress: Progress::default(), found: None }
    }

    /// Follows what was begun, and whatever begins in the rest of `text`. With `last`, nothing comes after it.
    fn advance(&self, text: &[u8], progress: &mut Progress, last: bool) -> Option<Form> {
        for trail in std::mem::take(&mut progress.trails) {
            if let Some(form) = self.follow(trail, text, &mut progress.trails, last) {
                return Some(form);
            }
        }
        let (trails, searched) = (&mut progress.trails, progress.searched);
        let found = self.anchors.each(text, searched, |at, anchors| {
            self.anchors.trails(anchors, text, at).find_map(|trail| self.follow(trail, text, trails, last))
        });
        progress.searched = text.len().saturating_sub(anchors::WIDTH - 1).max(searched);
        found
    }

    /// Follows one beginning to its end, or as far as the text goes.
    fn follow(&self, trail: Trail, text: &[u8], cut: &mut Vec<Trail>, last: bool) -> Option<Form> {
        // A character that introduces escapes may also stand for itself: then both readings are followed.
        let mut others = Vec::new();
        let mut open = Some(trail);
        while let Some(trail) = open {
            match trail.follow(&self.secret, text, last, &mut others) {
                Step::Lost => {}
                Step::Found(form) => return Some(form),
                Step::Cut(trail) => cut.push(trail),
            }
            if others.len() + cut.len() > MAX_TRAILS {
                return Some(Form::MixedEscapes);
            }
            open = others.pop();
        }
        None
    }
}

/// How far a text was looked through.
#[derive(Default)]
struct Progress {
    /// Forms that had begun and went on past the end of the text.
    trails: Vec<Trail>,
    /// Anchors are looked for from here on.
    searched: usize,
}

/// A text that is looked through as it grows, without a copy of it. Any way of cutting it gives the verdict of the
/// whole.
pub struct Stream<'a> {
    scanner: &'a Scanner,
    progress: Progress,
    found: Option<Form>,
}

impl Stream<'_> {
    /// Looks through what came. `so_far` is the text from its beginning, with what was given before unchanged; that is
    /// not read again. Once the secret was found, that is the answer for good.
    pub fn feed(&mut self, so_far: &[u8]) -> Option<Form> {
        if self.found.is_none() {
            self.found = self.scanner.advance(so_far, &mut self.progress, false);
        }
        self.found
    }

    /// Ends the text: what could have gone on does not.
    #[must_use]
    pub fn finish(mut self, whole: &[u8]) -> Option<Form> {
        self.found.or_else(|| self.scanner.advance(whole, &mut self.progress, true))
    }
}
