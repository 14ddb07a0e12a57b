//! The listening side: one task for each connection, and one exchange on each unless it is to keep them open.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::answer::Answer;
use crate::behaviour::Behaviour;
use crate::plausible;
use crate::request::{self, ReceivedRequest};

/// Requests that are kept; the oldest go first.
const MAX_KEPT: usize = 4_096;
/// Longest wait for a client to take note of an answer's end, in milliseconds: closing sooner, with bytes of its
/// own unread, would make the kernel throw the answer away.
const LINGER_MS: u64 = 500;

/// How an upstream begins.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The header that carries credentials; `authorization` unless said otherwise.
    pub credential_header: String,
    /// What stands before the secret in it. Unless said, whatever comes before the last space, and a `name=`
    /// behind it.
    pub credential_prefix: Option<String>,
    /// What it does at first.
    pub behaviour: Behaviour,
    /// Whether well-formed answers (honest, plausible, an error's status) leave their connection open for the next
    /// request, as common servers do. Otherwise each exchange has a connection of its own.
    pub keep_alive: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            credential_header: "authorization".to_owned(),
            credential_prefix: None,
            behaviour: Behaviour::Plausible,
            keep_alive: false,
        }
    }
}

/// A running upstream. Dropping it closes its connections.
pub struct HostileUpstream {
    shared: Arc<Shared>,
    address: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

struct Shared {
    credential_header: String,
    credential_prefix: Option<String>,
    keep_alive: bool,
    /// Connections so far.
    connections: AtomicU64,
    /// Where redirects lead: it listens too, to see who follows.
    elsewhere: SocketAddr,
    state: Mutex<State>,
}

struct State {
    behaviour: Behaviour,
    requests: VecDeque<ReceivedRequest>,
    stored: Option<ReceivedRequest>,
}

impl Drop for HostileUpstream {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl HostileUpstream {
    /// Begins to listen on a free port of the loopback address.
    ///
    /// # Errors
    /// What the system says to listening.
    pub async fn start(behaviour: Behaviour) -> io::Result<Self> {
        Self::start_with(Config { behaviour, ..Config::default() }).await
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// What the system says to listening.
    pub async fn start_with(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let elsewhere = TcpListener::bind((config.listen.ip(), 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            credential_header: config.credential_header,
            credential_prefix: config.credential_prefix,
            keep_alive: config.keep_alive,
            connections: AtomicU64::new(0),
            elsewhere: elsewhere.local_addr()?,
            state: Mutex::new(State { behaviour: config.behaviour, requests: VecDeque::new(), stored: None }),
        });
        let tasks = [
            tokio::spawn(accept(listener, Arc::clone(&shared), false)),
            tokio::spawn(accept(elsewhere, Arc::clone(&shared), true)),
        ];
        Ok(Self { shared, address, tasks })
    }

    /// Where it listens, such as `http://127.0.0.1:45123`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes what it does, from the next request on, and forgets what was stored.
    pub fn set(&self, behaviour: Behaviour) {
        let mut state = self.shared.state();
        state.behaviour = behaviour;
        state.stored = None;
    }

    /// The last 4,096 requests, oldest first, those of clients that followed a redirect among them.
    #[must_use]
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.state().requests.iter().cloned().collect()
    }

    /// The same, and forgets them.
    #[must_use]
    pub fn take_requests(&self) -> Vec<ReceivedRequest> {
        self.shared.state().requests.drain(..).collect()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, is_elsewhere: bool) {
    // The connections end with this task: a set that is dropped stops its tasks.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // An error is one client's, or a shortage that passes.
                let Ok((stream, _)) = accepted else { tokio::task::yield_now().await; continue };
                let shared = Arc::clone(&shared);
                // A client that goes away in the middle is what half of these behaviours are for.
                connections.spawn(async move { shared.serve(stream, is_elsewhere).await.ok() });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(&self, mut stream: TcpStream, is_elsewhere: bool) -> io::Result<()> {
        // Pieces are to leave as pieces.
        stream.set_nodelay(true)?;
        let connection = self.connections.fetch_add(1, Ordering::Relaxed);
        loop {
            let Some(request) = request::read(&mut stream, connection, is_elsewhere).await? else { return Ok(()) };
            let (behaviour, before) = self.note(&request);
            if is_elsewhere {
                Answer::json(200, &json!({ "followed": true })).write(&mut stream, false).await?;
                break;
            }
            if !self.answer(&mut stream, &request, behaviour, before).await? {
                break;
            }
        }
        stream.shutdown().await?;
        let drained = async {
            let mut ignored = [0; 4 << 10];
            while stream.read(&mut ignored).await.is_ok_and(|count| count > 0) {}
        };
        let _in_time = tokio::time::timeout(Duration::from_millis(LINGER_MS), drained).await;
        Ok(())
    }

    fn note(&self, request: &ReceivedRequest) -> (Behaviour, Option<ReceivedRequest>) {
        let mut state = self.state();
        if state.requests.len() >= MAX_KEPT {
            state.requests.pop_front();
        }
        state.requests.push_back(request.clone());
        let before = state.stored.replace(request.clone());
        (state.behaviour.clone(), before)
    }

    /// Answers, and says whether the connection is open for another request.
    async fn answer(
        &self,
        stream: &mut TcpStream,
        request: &ReceivedRequest,
        behaviour: Behaviour,
        before: Option<ReceivedRequest>,
    ) -> io::Result<bool> {
        let is_good = matches!(behaviour, Behaviour::Honest(_) | Behaviour::Plausible | Behaviour::Status(_));
        let mut whole = match behaviour {
            Behaviour::Flood(flood) => return flood.answer(stream, request).await.map(|()| false),
            Behaviour::Slow(slow) => return slow.answer(stream, request).await.map(|()| false),
            Behaviour::Bytes(bytes) => return stream.write_all(&bytes).await.map(|()| false),
            Behaviour::Garbage(garbage) => return garbage.answer(stream, request).await.map(|()| false),
            Behaviour::Honest(value) => Answer::json(200, &value),
            Behaviour::Plausible => {
                Answer::json(if request.method == "POST" { 201 } else { 200 }, &plausible::answer(request, "fine"))
            }
            Behaviour::Status(status) => status_answer(status),
            Behaviour::Redirect(redirect) => redirect.answer(request, self.token(request), &self.elsewhere.to_string()),
            Behaviour::Echo(echo) => {
                let value = request.header(&self.credential_header).unwrap_or_default();
                echo.answer(request, value, self.token(request))
            }
            Behaviour::StoreAndReadBack => Answer::json(200, &read_back(request, before.as_ref())),
        };
        whole.keeps_open = self.keep_alive && is_good;
        whole.write(stream, request.method == "HEAD").await?;
        Ok(whole.keeps_open)
    }

    /// The secret in a request's credential header, without the words before it.
    fn token<'a>(&self, request: &'a ReceivedRequest) -> &'a [u8] {
        let value = request.header(&self.credential_header).unwrap_or_default();
        match &self.credential_prefix {
            Some(prefix) => value.strip_prefix(prefix.as_bytes()).unwrap_or(value),
            None => without_prefix(value),
        }
    }
}

/// What is behind a scheme (RFC 9110, section 11.4) and a parameter's name, such as `Token token=`.
fn without_prefix(value: &[u8]) -> &[u8] {
    let behind_space = value.iter().rposition(|&byte| byte == b' ').and_then(|at| value.get(at + 1..)).unwrap_or(value);
    if behind_space.len() == value.len() {
        return value;
    }
    let name = behind_space.iter().take_while(|byte| byte.is_ascii_lowercase() || **byte == b'_').count();
    match behind_space.get(name..) {
        Some([b'=', secret @ ..]) if name > 0 && !secret.is_empty() => secret,
        _ => behind_space,
    }
}

fn status_answer(status: u16) -> Answer {
    let reason = crate::answer::reason(status);
    let body = json!({ "error": { "code": status, "message": reason, "errors": [reason] }, "message": reason });
    let answer = Answer::json(status, &body);
    if matches!(status, 429 | 503) { answer.with("Retry-After", "1") } else { answer }
}

/// What the request before this one sent, where this API would have an item's words.
fn read_back(request: &ReceivedRequest, before: Option<&ReceivedRequest>) -> Value {
    let Some(before) = before else { return plausible::answer(request, "nothing yet") };
    let headers: Vec<String> =
        before.headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value))).collect();
    let kept = format!("{} {} {}", before.target, headers.join("; "), String::from_utf8_lossy(&before.body));
    plausible::answer(request, &kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_what_is_behind_the_words() {
        for (value, secret) in [
            ("Bearer abc", "abc"),
            ("Token token=a_b+c", "a_b+c"),
            ("Basic dXNlcjo=", "dXNlcjo="),
            ("abc=", "abc="),
            ("key=abc", "key=abc"),
            ("", ""),
        ] {
            assert_eq!(without_prefix(value.as_bytes()), secret.as_bytes(), "{value}");
        }
    }
}
