//! Giving a caller's credential back: what of it, where, in which form, in which pieces.

use crate::answer::Answer;
use crate::chunks::Chunks;
use crate::form::Form;
use crate::plausible;
use crate::request::ReceivedRequest;

/// What stands for the echo while JSON is made around it.
const MARK: &str = "@@echo@@";

/// An echo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo {
    /// What is given back.
    pub what: What,
    /// Where it stands.
    pub place: Place,
    /// In which form.
    pub form: Form,
    /// How the body is cut, where it stands in one.
    pub chunks: Chunks,
}

/// What is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The secret alone, without the words before it.
    Token,
    /// The whole value of the header, such as `Bearer abc`.
    Value,
}

/// Where an echo stands. But for the bodies, the answer is otherwise a good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In a body of plain text.
    Body,
    /// In a body of plausible JSON, wherever an API would have somebody's words.
    JsonBody,
    /// In the message of an error, status 400.
    ErrorBody,
    /// In a header of its own, and in the `ETag`.
    Header,
    /// In a cookie.
    SetCookie,
    /// In a `Location`, which a client need not follow: the status is 200.
    Location,
    /// Behind the status code.
    StatusText,
    /// In a field behind the body.
    Trailer,
    /// As the name of a header.
    HeaderName,
}

impl Place {
    /// Every place.
    pub const ALL: [Self; 9] = [
        Self::Body,
        Self::JsonBody,
        Self::ErrorBody,
        Self::Header,
        Self::SetCookie,
        Self::Location,
        Self::StatusText,
        Self::Trailer,
        Self::HeaderName,
    ];

    /// Whether it is a body, which can be cut and can carry any bytes.
    #[must_use]
    pub fn is_body(self) -> bool {
        matches!(self, Self::Body | Self::JsonBody | Self::ErrorBody)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Body => "a text body",
            Self::JsonBody => "a JSON body",
            Self::ErrorBody => "an error's body",
            Self::Header => "headers",
            Self::SetCookie => "a cookie",
            Self::Location => "a Location",
            Self::StatusText => "the status text",
            Self::Trailer => "a trailer",
            Self::HeaderName => "a header's name",
        }
    }
}

impl Echo {
    /// The behaviour's ID.
    pub(crate) fn id(self) -> String {
        let whole = if self.what == What::Value { "value-" } else { "" };
        let place = format!("{:?}", self.place).to_ascii_lowercase();
        format!("echo-{whole}{place}-{}-{}", self.form.id(), self.chunks.id())
    }

    /// The behaviour's description.
    pub(crate) fn description(self) -> String {
        let what = if self.what == What::Value { "the header with the credential" } else { "the credential" };
        let (place, form, chunks) = (self.place.words(), self.form.words(), self.chunks.words());
        if self.place.is_body() {
            format!("gives back {what} in {place}, {form}, {chunks}")
        } else {
            format!("gives back {what} in {place}, {form}")
        }
    }

    /// The answer to a request that came with a credential.
    pub(crate) fn answer(self, request: &ReceivedRequest, value: &[u8], token: &[u8]) -> Answer {
        let echo = self.form.encode(match self.what {
            What::Token => token,
            What::Value => value,
        });
        let good = || Answer::json(200, &plausible::answer(request, "fine"));
        let mut answer = match self.place {
            Place::Body => {
                let text = format!("you said: {MARK}.\n");
                self.body(Answer::new(200, "text/plain; charset=utf-8", Vec::new()), &text, &echo)
            }
            Place::JsonBody => {
                let json = plausible::answer(request, &format!("you said {MARK}.")).to_string();
                self.body(Answer::new(200, "application/json", Vec::new()), &json, &echo)
            }
            Place::ErrorBody => {
                let said = format!("not acceptable: {MARK}");
                let json = serde_json::json!({
                    "error": { "code": 2001, "message": said, "errors": [said] }, "message": said, "errors": [{ "message": said }],
                });
                self.body(Answer::new(400, "application/json", Vec::new()), &json.to_string(), &echo)
            }
            Place::Header => good().with("X-Echo", &echo).with("ETag", [b"\"", echo.as_slice(), b"\""].concat()),
            Place::SetCookie => good().with("Set-Cookie", [b"session=", echo.as_slice(), b"; Path=/"].concat()),
            Place::Location => good().with("Location", [b"/found/", echo.as_slice()].concat()),
            Place::StatusText => Answer { reason: echo, ..good() },
            Place::Trailer => Answer { trailers: vec![(b"X-Echo".to_vec(), echo)], ..good() },
            Place::HeaderName => good().with([b"X-", echo.as_slice()].concat(), "1"),
        };
        if let Some(encoding) = self.form.content_encoding() {
            answer = answer.with("Content-Encoding", encoding);
        }
        answer
    }

    fn body(self, mut answer: Answer, template: &str, echo: &[u8]) -> Answer {
        // Escapes are JSON's own already; in anything else, what would end the string is escaped.
        let in_json = self.place != Place::Body && !matches!(self.form, Form::JsonEscape | Form::JsonEscapeAll);
        let echo = if in_json { quoted(echo) } else { echo.to_vec() };
        let mut middles = Vec::new();
        for (number, piece) in template.split(MARK).enumerate() {
            if number > 0 {
                middles.push(answer.body.len() + echo.len() / 2);
                answer.body.extend_from_slice(&echo);
            }
            answer.body.extend_from_slice(piece.as_bytes());
        }
        if self.form.compresses_body() {
            answer.body = self.form.compress(std::mem::take(&mut answer.body));
            middles = vec![answer.body.len() / 2];
        }
        answer.chunks = (self.chunks, middles);
        answer
    }
}

fn quoted(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|&byte| if matches!(byte, b'"' | b'\\') { vec![b'\\', byte] } else { vec![byte] }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what failed by panicking")]
    use super::*;

    fn request() -> ReceivedRequest {
        ReceivedRequest {
            method: "GET".to_owned(),
            target: "/things/1".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            followed_redirect: false,
            connection: 0,
        }
    }

    fn echo(place: Place, form: Form) -> Echo {
        Echo { what: What::Token, place, form, chunks: Chunks::SplitInsideSecret }
    }

    #[test]
    fn json_around_an_echo_stays_json() {
        for form in Form::ALL.into_iter().filter(|form| !form.is_binary()) {
            for place in [Place::JsonBody, Place::ErrorBody] {
                let answer = echo(place, form).answer(&request(), b"Bearer a+B\"\\/c", b"a+B\"\\/c");
                let value: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
                assert!(!value.to_string().contains(MARK));
            }
        }
        let answer = echo(Place::JsonBody, Form::JsonEscapeAll).answer(&request(), b"", b"a+B");
        let value: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(value["things"][0]["name"], "you said a+B.");
    }

    #[test]
    fn a_body_is_cut_inside_the_echo() {
        let answer = echo(Place::Body, Form::Raw).answer(&request(), b"", b"SECRET");
        let pieces = answer.chunks.0.cut(&answer.body, &answer.chunks.1).unwrap();
        assert_eq!(pieces, [&b"you said: SEC"[..], b"RET.\n"]);
    }
}
