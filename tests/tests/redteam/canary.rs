//! The canary: a credential of which there is one in the world, in the shape of a real one, and the search for it
//! in every form that it could have been turned into.

use std::hash::{BuildHasher, RandomState};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde::Serialize;
use toolkeep_vault::CredentialKind;

/// Length of a piece of the canary that is looked for too, in bytes: what was cut, or leaked by halves, is a leak.
const PIECE_BYTES: usize = 10;

/// A secret that must be found nowhere but at the upstream.
pub(crate) struct Canary {
    /// The secret.
    pub(crate) secret: String,
    /// What it is.
    pub(crate) kind: CredentialKind,
    names: Vec<&'static str>,
    searcher: AhoCorasick,
}

/// Where a canary was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Leak {
    /// In which output.
    pub(crate) place: String,
    /// In which form.
    pub(crate) form: &'static str,
}

impl Canary {
    /// A new one, in the shape of an OAuth token or of an API key.
    pub(crate) fn new(kind: CredentialKind) -> anyhow::Result<Self> {
        let secret = match kind {
            CredentialKind::OAuth2 => {
                let digits = format!("{:016x}{:016x}", random(), random());
                let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
                format!(
                    "pdus+_0XBPWQQ_{}-{}-{}-{}-{}",
                    part(0, 8),
                    part(8, 12),
                    part(12, 16),
                    part(16, 20),
                    part(20, 32)
                )
            }
            // What follows the underscore marks it for the component that searches its own memory. `+` is what
            // encodings change that leave `_` and `-` alone; `~` is, as the third of three bytes, where the alphabets
            // of base64 differ, and it comes at each offset.
            _ => format!("u_CNRY~{}~{}~{}+{}-{}", letters(3), letters(3), letters(2), letters(2), letters(3)),
        };
        let mut forms = forms(secret.as_bytes());
        let pieces = secret.len().checked_sub(PIECE_BYTES);
        // Not what all tokens begin with: that is known to everybody.
        let first = pieces.map(|last| last.min(14)).and_then(|at| secret.get(at..at + PIECE_BYTES));
        forms.extend(first.map(|piece| ("a piece of it", piece.as_bytes().to_vec())));
        forms.extend(pieces.and_then(|at| secret.get(at..)).map(|piece| ("the end of it", piece.as_bytes().to_vec())));
        let searcher =
            AhoCorasick::builder().ascii_case_insensitive(true).build(forms.iter().map(|(_, bytes)| bytes))?;
        Ok(Self { secret, kind, names: forms.into_iter().map(|(name, _)| name).collect(), searcher })
    }

    /// The form in which the canary stands there, if it does, in any case.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<&'static str> {
        let found = self.searcher.find(bytes)?;
        self.names.get(found.pattern().as_usize()).copied()
    }
}

/// The same for API keys of the host itself, which are no connector's.
pub(crate) fn random() -> u64 {
    // Each state has keys of its own, from the system's generator.
    RandomState::new().hash_one(0_u8)
}

fn letters(count: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    (0..count)
        .filter_map(|_| ALPHABET.get(usize::try_from(random() % 62).unwrap_or_default()))
        .map(|&byte| char::from(byte))
        .collect()
}

/// Every form that is looked for. Letters are compared without case, which covers the rest.
fn forms(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let each = |write: &dyn Fn(u8) -> String| secret.iter().flat_map(|&byte| write(byte).into_bytes()).collect();
    let but_words = |write: &dyn Fn(u8) -> String| {
        each(&|byte| if word(byte) { char::from(byte).to_string() } else { write(byte) })
    };
    let mut forms: Vec<(&'static str, Vec<u8>)> = vec![
        ("itself", secret.to_vec()),
        ("percent encoding", but_words(&|byte| format!("%{byte:02x}"))),
        ("percent encoding", each(&|byte| format!("%{byte:02x}"))),
        ("JSON escapes", but_words(&|byte| format!("\\u{byte:04x}"))),
        ("JSON escapes", each(&|byte| format!("\\u{byte:04x}"))),
        ("HTML references", but_words(&|byte| format!("&#{byte};"))),
        ("HTML references", each(&|byte| format!("&#{byte};"))),
        ("HTML references", each(&|byte| format!("&#x{byte:x};"))),
        ("hexadecimal", hex::encode(secret).into_bytes()),
        ("hexadecimal with spaces", each(&|byte| format!("{byte:02x} "))),
        ("decimal numbers", each(&|byte| format!("{byte}, "))),
        ("UTF-16", secret.iter().flat_map(|&byte| [byte, 0]).collect()),
        ("UTF-16", secret.iter().flat_map(|&byte| [0, byte]).collect()),
        ("UTF-32", secret.iter().flat_map(|&byte| [byte, 0, 0, 0]).collect()),
        ("backwards", secret.iter().rev().copied().collect()),
    ];
    for offset in 0..3 {
        forms.push(("base64", base64_at(&STANDARD_NO_PAD, secret, offset)));
        forms.push(("base64url", base64_at(&URL_SAFE_NO_PAD, secret, offset)));
    }
    forms
}

/// The characters of a base64 text that depend on the secret alone, whatever stands before and after it.
fn base64_at(engine: &impl base64::Engine, secret: &[u8], offset: usize) -> Vec<u8> {
    let text = engine.encode([&[0; 2][..offset.min(2)], secret].concat());
    let first = (offset * 8).div_ceil(6);
    let whole = (offset + secret.len()) * 8 / 6;
    text.as_bytes().get(first..whole).unwrap_or_default().to_vec()
}

/// Proves, before anything else is believed, that the search finds what it looks for and nothing else.
pub(crate) fn check_the_search() -> anyhow::Result<()> {
    for kind in [CredentialKind::OAuth2, CredentialKind::ApiKey] {
        let canary = Canary::new(kind)?;
        let secret = &canary.secret;
        let mut hidden: Vec<Vec<u8>> = forms(secret.as_bytes()).into_iter().map(|(_, bytes)| bytes).collect();
        hidden.push(secret.to_uppercase().into_bytes());
        hidden.push(secret.as_bytes()[8..].to_vec());
        for before in 0..4 {
            let text = [&b"abcd"[..before], secret.as_bytes(), b"xyz"].concat();
            hidden.push(STANDARD_NO_PAD.encode(&text).into_bytes());
            hidden.push(URL_SAFE_NO_PAD.encode(&text).into_bytes());
        }
        for form in hidden {
            let around = [b"before ".as_slice(), &form, b" after"].concat();
            anyhow::ensure!(canary.find(&around).is_some(), "the search misses {:?}", String::from_utf8_lossy(&form));
        }
        let other = Canary::new(kind)?;
        anyhow::ensure!(canary.find(other.secret.as_bytes()).is_none(), "the search takes one canary for another");
    }
    Ok(())
}
