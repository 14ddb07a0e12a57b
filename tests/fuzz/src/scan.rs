//! Answers as an upstream writes them, with a secret in them in any of its encodings.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use toolkeep_host::fuzzing::finds_secret;

/// What a secret is made of here: the characters of tokens, those that encodings treat differently among them.
const ALPHABET: &[u8; 68] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+/.=";
/// Lengths of secrets, in bytes: an API key's, a user token's, and between.
const LENGTHS: [usize; 4] = [20, 32, 41, 50];

/// The input's first four bytes choose form, length, place and details; the rest is what stands around the
/// secret. The secret is made from the input, so that no input can hold it by itself.
pub fn run(input: &[u8]) {
    let Some(([form, length, place, details], around)) = input.split_first_chunk() else { return };
    let secret = secret(input, LENGTHS.get(usize::from(length % 4)).copied().unwrap_or(20));
    assert!(!finds_secret(&secret, around), "found where it is not");

    let middle = usize::from(*place) * around.len() / 256;
    let (before, after) = around.split_at_checked(middle).unwrap_or((around, &[]));
    let text = match form % 8 {
        // Base64 mixes the secret with its neighbours; all other forms stand by themselves.
        0 => STANDARD.encode([before, &secret, after].concat()).into_bytes(),
        1 => URL_SAFE.encode([before, &secret, after].concat()).into_bytes(),
        form => [before, &written(&secret, form, *details), after].concat(),
    };
    assert!(finds_secret(&secret, &text), "form {} with details {details} is not found", form % 8);
}

/// The secret in one of its forms; `details` choose the case of digits, and what is escaped.
fn written(secret: &[u8], form: u8, details: u8) -> Vec<u8> {
    let digits = |text: String| if details & 1 == 0 { text } else { text.to_ascii_uppercase() };
    let all = details & 2 == 0;
    match form {
        2 => secret.to_vec(),
        3 => digits(hex::encode(secret)).into_bytes(),
        4 => escaped(secret, |byte| (all || !is_unreserved(byte)).then(|| format!("%{}", digits(hex::encode([byte]))))),
        5 => escaped(secret, |byte| {
            (all || !is_unreserved(byte)).then(|| format!("\\u00{}", digits(hex::encode([byte]))))
        }),
        6 => escaped(secret, |byte| (byte == b'/').then(|| "\\/".to_owned())),
        _ => STANDARD.encode(secret).replace('/', "\\/").into_bytes(),
    }
}

fn escaped(secret: &[u8], escape: impl Fn(u8) -> Option<String>) -> Vec<u8> {
    secret.iter().flat_map(|byte| escape(*byte).map_or_else(|| vec![*byte], String::into_bytes)).collect()
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// A secret that depends on every byte of the input (FNV-1a, then xorshift).
fn secret(input: &[u8], length: usize) -> Vec<u8> {
    let mut state = input
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let next = std::iter::from_fn(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let index = usize::try_from(state % ALPHABET.len() as u64).ok()?;
        ALPHABET.get(index).copied()
    });
    next.take(length).collect()
}
