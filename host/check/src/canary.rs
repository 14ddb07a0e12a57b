//! The canary: a credential that exists nowhere else, so that wherever it is seen, it came from here.

use aws_lc_rs::rand;

use crate::CheckError;

/// Random characters of a canary. 62^28 is beyond chance, and beyond guessing.
const RANDOM_CHARACTERS: usize = 28;

/// A fresh credential of letters, digits, and the characters that encodings treat specially: `_`, `+`, `/`, `-`
/// and `=`, each of which some provider's tokens have.
pub(crate) fn fresh() -> Result<String, CheckError> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = [0; RANDOM_CHARACTERS];
    rand::fill(&mut random).map_err(|_| CheckError::Setup("the system gives no random bytes".to_owned()))?;
    let letters: String = random
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(*byte) % LETTERS.len()))
        .map(|&c| char::from(c))
        .collect();
    // The specials stand so close that no piece of the length that counts is without one.
    let (first, rest) = letters.split_at(7);
    let (second, rest) = rest.split_at(7);
    let (third, last) = rest.split_at(7);
    Ok(format!("Ck_{first}+{second}/{third}-{last}="))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn no_two_are_alike_and_each_can_go_into_a_header() {
        let (one, other) = (fresh().unwrap(), fresh().unwrap());
        assert_ne!(one, other);
        assert!(one.len() > 30 && one.bytes().all(|byte| (0x21..0x7F).contains(&byte)), "{}", one.len());
    }
}
