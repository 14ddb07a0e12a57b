//! How a secret comes in: typed without echo, or from standard input. Never as an argument, because a
//! process list shows those and a shell's history keeps them.

use std::io::{IsTerminal, Read};

use secrecy::SecretString;
use toolkeep_vault::MAX_SECRET_BYTES;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Reads one secret: asks at a terminal, reads standard input to its end otherwise.
///
/// # Errors
/// Nothing came, too much came, or it is not text.
pub(crate) fn read(prompt: &str) -> Result<SecretString, Failure> {
    let text = if std::io::stdin().is_terminal() {
        Zeroizing::new(
            rpassword::prompt_password(format!("{prompt}: "))
                .map_err(|error| Failure::usage(format!("cannot read the secret: {error}")))?,
        )
    } else {
        from_reader(std::io::stdin().lock())?
    };
    check(&text)
}

fn from_reader(reader: impl Read) -> Result<Zeroizing<String>, Failure> {
    // Reserved at once: growing would leave copies of the beginning behind in freed memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET_BYTES + 2));
    reader
        .take(MAX_SECRET_BYTES as u64 + 2)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage(format!("cannot read the secret from standard input: {error}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure::usage("the secret is not UTF-8 text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Takes the line end off and checks what is left: one line of printable ASCII, because it goes into an
/// HTTP header.
fn check(text: &str) -> Result<SecretString, Failure> {
    let secret = text.strip_suffix('\n').unwrap_or(text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        return Err(Failure::usage("no secret was given").next("type it at the prompt, or pipe it in: … < key.txt"));
    }
    if secret.len() > MAX_SECRET_BYTES {
        return Err(Failure::usage(format!("the secret is longer than {MAX_SECRET_BYTES} bytes")));
    }
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::usage(
            "the secret holds white space, line breaks or non-ASCII characters; keys and tokens have none",
        ));
    }
    Ok(SecretString::from(secret))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_line_end_is_not_part_of_the_secret() {
        for text in ["abc", "abc\n", "abc\r\n"] {
            assert_eq!(check(&from_reader(text.as_bytes()).unwrap()).unwrap().expose_secret(), "abc");
        }
    }

    #[test]
    fn what_cannot_be_a_key_is_refused() {
        for bad in ["", "\n", "a b", "a\nb", "caf\u{e9}"] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        let long = "x".repeat(MAX_SECRET_BYTES + 1);
        assert!(check(&from_reader(long.as_bytes()).unwrap()).is_err());
        assert!(from_reader(&[0xff, 0xfe][..]).is_err());
    }
}
