//! Testing a connector natively: a scripted upstream, a fixed clock, and a record of what was asked.
//! The crate's own example shows one in use.

use std::cell::RefCell;
use std::rc::Rc;

use crate::Account;
use crate::context::{Environment, Incoming, Level, Outgoing, SendError};

/// A scripted upstream. Clones share what they record, so a test keeps one and gives the other away.
#[derive(Clone, Default)]
pub struct Script {
    inner: Rc<RefCell<Inner>>,
}

#[derive(Default)]
struct Inner {
    now_ms: i64,
    account: Option<Account>,
    answers: Vec<Answer>,
    sent: Vec<Outgoing>,
    progress: Vec<(u32, Option<u32>, String)>,
}

struct Answer {
    wanted: String,
    result: Result<Incoming, SendError>,
    repeats: bool,
}

impl Script {
    /// A script whose clock stands at `now_ms`, milliseconds since 1970-01-01T00:00:00Z.
    pub fn at(now_ms: i64) -> Self {
        let script = Self::default();
        script.inner.borrow_mut().now_ms = now_ms;
        script
    }

    /// The connected account.
    #[must_use]
    pub fn account(self, account: Account) -> Self {
        self.inner.borrow_mut().account = Some(account);
        self
    }

    /// Answers one request that begins with `wanted`, e.g. `GET /orders?page=2`. Answers are used in
    /// order, each once.
    #[must_use]
    pub fn answer(self, wanted: &str, status: u16, body: &str) -> Self {
        self.push(wanted, Ok(json(status, body)), false)
    }

    /// Answers every request that begins with `wanted` and that no single answer fits.
    #[must_use]
    pub fn always(self, wanted: &str, status: u16, body: &str) -> Self {
        self.push(wanted, Ok(json(status, body)), true)
    }

    /// Answers with any headers.
    #[must_use]
    pub fn answer_with(self, wanted: &str, incoming: Incoming) -> Self {
        self.push(wanted, Ok(incoming), false)
    }

    /// Fails one request.
    #[must_use]
    pub fn fail(self, wanted: &str, error: SendError) -> Self {
        self.push(wanted, Err(error), false)
    }

    fn push(self, wanted: &str, result: Result<Incoming, SendError>, repeats: bool) -> Self {
        self.inner.borrow_mut().answers.push(Answer { wanted: wanted.to_owned(), result, repeats });
        self
    }

    /// What was asked, as `METHOD path?query`, percent-encoding undone for brackets only.
    pub fn asked(&self) -> Vec<String> {
        self.inner.borrow().sent.iter().map(line).collect()
    }

    /// The requests themselves.
    pub fn sent(&self) -> Vec<Outgoing> {
        self.inner.borrow().sent.clone()
    }

    /// Progress reports: done, total, message.
    pub fn progress(&self) -> Vec<(u32, Option<u32>, String)> {
        self.inner.borrow().progress.clone()
    }

    /// Answers that nobody asked for.
    pub fn unused(&self) -> Vec<String> {
        self.inner
            .borrow()
            .answers
            .iter()
            .filter(|answer| !answer.repeats)
            .map(|answer| answer.wanted.clone())
            .collect()
    }

    /// The environment to hand to [`crate::Connector::call`].
    pub fn environment(&self) -> Box<dyn Environment> {
        Box::new(self.clone())
    }
}

fn json(status: u16, body: &str) -> Incoming {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Incoming { status, headers, body: body.as_bytes().to_vec() }
}

fn line(request: &Outgoing) -> String {
    let path = request.path_with_query.replace("%5B", "[").replace("%5D", "]");
    format!("{} {path}", request.method.name())
}

impl Environment for Script {
    fn send(&mut self, request: &Outgoing) -> Result<Incoming, SendError> {
        let mut inner = self.inner.borrow_mut();
        inner.sent.push(request.clone());
        let asked = line(request);
        let fits = |answer: &Answer| asked.starts_with(&answer.wanted);
        if let Some(place) = inner.answers.iter().position(|answer| !answer.repeats && fits(answer)) {
            return inner.answers.remove(place).result;
        }
        match inner.answers.iter().find(|answer| fits(answer)) {
            Some(answer) => answer.result.clone(),
            None => Err(SendError::Malformed(format!("the script has no answer to {asked}"))),
        }
    }
    fn now_ms(&self) -> i64 {
        self.inner.borrow().now_ms
    }
    fn account(&self) -> Option<Account> {
        self.inner.borrow().account.clone()
    }
    fn progress(&mut self, done: u32, total: Option<u32>, message: &str) {
        self.inner.borrow_mut().progress.push((done, total, message.to_owned()));
    }
    fn log(&mut self, _: Level, _: &str) {}
}
