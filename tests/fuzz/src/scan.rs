//! Answers as an upstream writes them, with a secret in them in any of its encodings, whole and in pieces.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use toolkeep_policy::secret_scan::{MIN_SECRET_BYTES, Scanner};

/// What a secret is made of here: the characters of tokens, those that encodings treat differently among them.
const ALPHABET: &[u8; 68] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+/.=";
/// Lengths of secrets, in bytes: the shortest that a host takes, a short key's, an API key's, a user token's, and a
/// long one's.
const LENGTHS: [usize; 5] = [MIN_SECRET_BYTES, 16, 20, 50, 200];

/// The input's first six bytes choose form, length, place, details (two) and pieces; the rest is what stands
/// around the secret. The secret is made from the input, so that no input can hold it by itself.
pub fn run(input: &[u8]) {
    let Some(([form, length, place, high, low, piece], around)) = input.split_first_chunk() else { return };
    let mut chance = Chance::of(input);
    let length = LENGTHS.get(usize::from(*length) % LENGTHS.len()).copied().unwrap_or(20);
    let secret: Vec<u8> = (0..length).filter_map(|_| ALPHABET.get(chance.below(ALPHABET.len())).copied()).collect();
    let Some(scanner) = Scanner::new(&secret) else { return };
    assert!(!finds(&scanner, around, *piece), "found where it is not");

    let middle = usize::from(*place) * around.len() / 256;
    let (before, after) = around.split_at_checked(middle).unwrap_or((around, &[]));
    let mut details = Chance(u64::from(*high) << 8 | u64::from(*low) | 1 << 32);
    let text = match form % 12 {
        // Base64 mixes the secret with its neighbours; all other forms stand by themselves.
        0 => STANDARD.encode([before, &secret, after].concat()).into_bytes(),
        1 => URL_SAFE.encode([before, &secret, after].concat()).into_bytes(),
        form => {
            // A digit or letter that touches a form may belong to it.
            let fence: &[u8] = if high & 0x80 == 0 { b"\"" } else { b" " };
            [before, fence, &written(&secret, form, &mut details), fence, after].concat()
        }
    };
    assert!(finds(&scanner, &text, *piece), "form {} is not found", form % 12);
}

/// The verdict on the whole, which every way of cutting must give.
fn finds(scanner: &Scanner, text: &[u8], piece: u8) -> bool {
    let whole = scanner.find(text).is_some();
    let mut stream = scanner.stream();
    let mut pieces = Chance(u64::from(piece) | 1 << 32);
    let mut end = 0;
    while end < text.len() {
        // One byte at a time, or some hundreds.
        end = (end + 1 + pieces.below(1 + usize::from(piece) * 4)).min(text.len());
        stream.feed(text.get(..end).unwrap_or(text));
    }
    assert_eq!(stream.finish(text).is_some(), whole, "the pieces say otherwise than the whole");
    whole
}

/// The secret in one of its forms; what is escaped, in which notation and case, is left to chance.
fn written(secret: &[u8], form: u8, chance: &mut Chance) -> Vec<u8> {
    let mut each = |write: &mut dyn FnMut(u8, &mut Chance) -> String| {
        secret.iter().flat_map(|byte| write(*byte, chance).into_bytes()).collect::<Vec<u8>>()
    };
    let plain = |byte: u8| char::from(byte).to_string();
    match form {
        2 => secret.to_vec(),
        3 => each(&mut |byte, chance| chance.digits(hex::encode([byte]))),
        4 => each(&mut |byte, chance| {
            if chance.below(2) == 0 { plain(byte) } else { format!("%{}", chance.digits(hex::encode([byte]))) }
        }),
        5 => each(&mut |byte, chance| match chance.below(4) {
            0 => plain(byte),
            1 => format!("\\u00{}", chance.digits(hex::encode([byte]))),
            2 => format!("\\x{}", chance.digits(hex::encode([byte]))),
            _ if byte == b'/' => "\\/".to_owned(),
            _ => format!("\\u{{{byte:x}}}"),
        }),
        6 => each(&mut |byte, chance| match chance.below(4) {
            0 => plain(byte),
            1 => format!("&#{byte};"),
            2 => format!("&#x{byte:x};"),
            _ => format!("&#0{byte};"),
        }),
        7 => each(&mut |byte, chance| {
            let c = char::from(byte);
            if chance.below(2) == 0 { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }.to_string()
        }),
        8 => each(&mut |byte, _| format!("{}\0", char::from(byte))),
        9 => each(&mut |byte, _| format!("\0{}", char::from(byte))),
        10 => secret.iter().rev().copied().collect(),
        // Base64 in JSON whose writer escapes slashes, in lines of 76 characters.
        _ => {
            let text = STANDARD.encode(secret);
            let lines: Vec<String> =
                text.as_bytes().chunks(76).map(|l| String::from_utf8_lossy(l).into_owned()).collect();
            lines.join("\r\n").replace('/', if chance.below(2) == 0 { "\\/" } else { "/" }).into_bytes()
        }
    }
}

/// Choices that follow from a seed (xorshift).
struct Chance(u64);

impl Chance {
    /// A seed that depends on every byte (FNV-1a).
    fn of(input: &[u8]) -> Self {
        Self(
            input.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
            }),
        )
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap_or(0)
    }

    fn digits(&mut self, text: String) -> String {
        if self.below(2) == 0 { text } else { text.to_ascii_uppercase() }
    }
}
