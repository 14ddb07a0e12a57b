//! The name of one call: 128 bits, in order of time, unique without anybody to ask.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::rand;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Names a call in the log, in traces and in answers. 48 bits of milliseconds since 1970, then 80 random
/// bits; shown as 32 hexadecimal digits. It authorises nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallId([u8; 16]);

/// A text that is no [`CallId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a call id has 32 hexadecimal digits")]
pub struct CallIdError;

impl CallId {
    /// A new one.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "two defaults would not be equal")]
    pub fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut random = [0; 10];
        if rand::fill(&mut random).is_err() {
            // Unique is what matters here; a counter serves while the system has no random bytes.
            let count = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            random.iter_mut().skip(2).zip(count).for_each(|(to, from)| *to = from);
        }
        let milliseconds = Timestamp::now().as_millisecond().to_be_bytes();
        let mut bytes = [0; 16];
        let parts = milliseconds.into_iter().skip(2).chain(random);
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        Self(bytes)
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for CallId {
    type Err = CallIdError;
    fn from_str(text: &str) -> Result<Self, CallIdError> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| CallIdError)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for CallId {
    type Error = CallIdError;
    fn try_from(text: String) -> Result<Self, CallIdError> {
        text.parse()
    }
}

impl From<CallId> for String {
    fn from(id: CallId) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn ids_are_in_order_of_time_and_read_back() {
        let first = CallId::new();
        std::thread::sleep(std::time::Duration::from_millis(3));
        let second = CallId::new();
        assert!(first < second);
        assert_eq!(first.to_string().parse::<CallId>().unwrap(), first);
        assert_eq!(serde_json::from_str::<CallId>(&serde_json::to_string(&second).unwrap()).unwrap(), second);
        assert!("xyz".parse::<CallId>().is_err());
    }
}
