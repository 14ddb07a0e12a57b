//! What the upstream does when it is asked.

use serde_json::Value;

use crate::echo::Echo;
use crate::flood::Flood;
use crate::garbage::Garbage;
use crate::redirect::Redirect;
use crate::slow::Slow;

/// A behaviour.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Behaviour {
    /// Answers every request with this JSON, status 200.
    Honest(Value),
    /// Answers with JSON in the shape that APIs commonly have, guessed from the path of the request.
    Plausible,
    /// Answers with an error's status and a short JSON text. 429 and 503 have a `Retry-After`.
    Status(u16),
    /// Gives the caller's credential back.
    Echo(Echo),
    /// Sends the caller elsewhere.
    Redirect(Redirect),
    /// Sends too much.
    Flood(Flood),
    /// Keeps the caller waiting.
    Slow(Slow),
    /// Sends what is no HTTP, or no answer.
    Garbage(Garbage),
    /// Keeps what each request sent, credential and body, and gives it back to the next one.
    StoreAndReadBack,
    /// Answers every request with these bytes, whatever they are, and closes. In no catalogue.
    Bytes(Vec<u8>),
}

/// Statuses of errors that clients meet.
pub(crate) const STATUSES: [u16; 10] = [400, 401, 403, 404, 409, 422, 429, 500, 502, 503];

impl Behaviour {
    /// Its name: lower-case letters, digits, `+` and `-`. Stable, and unique in the catalogue.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Honest(_) => "honest".to_owned(),
            Self::Plausible => "plausible".to_owned(),
            Self::Status(status) => format!("status-{status}"),
            Self::Echo(echo) => echo.id(),
            Self::Redirect(redirect) => format!("redirect-{redirect:?}").to_ascii_lowercase(),
            Self::Flood(flood) => format!("flood-{flood:?}").to_ascii_lowercase(),
            Self::Slow(slow) => format!("slow-{}", slow.id()),
            Self::Garbage(garbage) => format!("garbage-{}", garbage.id()),
            Self::StoreAndReadBack => "store-and-read-back".to_owned(),
            Self::Bytes(_) => "bytes".to_owned(),
        }
    }

    /// One line that says what it does, without its subject: `sends headers without end`.
    #[must_use]
    pub fn description(&self) -> String {
        match self {
            Self::Honest(_) => "answers with the JSON it was given".to_owned(),
            Self::Plausible => "answers as APIs commonly do".to_owned(),
            Self::Status(status) => format!("answers with {status} {}", crate::answer::reason(*status)),
            Self::Echo(echo) => echo.description(),
            Self::Redirect(redirect) => redirect.description().to_owned(),
            Self::Flood(flood) => flood.description().to_owned(),
            Self::Slow(slow) => slow.description(),
            Self::Garbage(garbage) => garbage.description().to_owned(),
            Self::StoreAndReadBack => "gives each request what the one before it sent".to_owned(),
            Self::Bytes(bytes) => format!("answers with the {} bytes that it was given", bytes.len()),
        }
    }

    /// Whether it keeps the client waiting until the client gives up.
    #[must_use]
    pub fn waits_for_the_client(&self) -> bool {
        matches!(self, Self::Slow(_))
    }
}
