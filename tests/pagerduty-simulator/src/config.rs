//! What a simulator is started with: where it listens, how much data it makes, which tokens it knows.

use std::net::{Ipv4Addr, SocketAddr};

/// How to start a [`crate::Simulator`]. `Config::default()` is the demo company on a free loopback port.
///
/// There is no `Debug`: the configuration holds tokens.
#[derive(Clone)]
pub struct Config {
    /// Where to listen. Port 0 takes a free one. Loopback by default.
    pub listen: SocketAddr,
    /// Makes the history: the same seed, `incidents` and `now` give the same data.
    pub seed: u64,
    /// How many incidents there are at the start, the hand-written open ones among them. At most 200,000.
    pub incidents: usize,
    /// The simulator's present at the start; real time if none. The data is laid out around it and the
    /// clock then runs with real time.
    pub now: Option<jiff::Timestamp>,
    /// Tokens to know besides the demo ones.
    pub tokens: Vec<Token>,
    /// Whether the published demo tokens ([`demo_tokens`]) are valid too. On by default.
    pub demo_tokens: bool,
    /// Whether requests are counted against the limits below. Off by default, for benchmarks.
    pub rate_limits: bool,
    /// Requests a minute for one token. PagerDuty allows 960 for each app and user.
    pub requests_per_minute: u32,
    /// `POST /incidents` and `PUT /incidents…` a minute for one token. PagerDuty publishes no figure, only
    /// that it is tighter.
    pub incident_writes_per_minute: u32,
    /// `GET /oncalls` a minute for one token. PagerDuty publishes no figure, only that it is tighter.
    pub oncalls_per_minute: u32,
    /// Whether the last 256 requests are kept for [`crate::Simulator::requests`].
    pub record_requests: bool,
    /// Whether the account may use priorities. If not, `GET /priorities` answers 402.
    pub priorities_ability: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 7,
            incidents: 2_000,
            now: None,
            tokens: Vec::new(),
            demo_tokens: true,
            rate_limits: false,
            requests_per_minute: 960,
            incident_writes_per_minute: 120,
            oncalls_per_minute: 120,
            record_requests: true,
            priorities_ability: true,
        }
    }
}

/// A credential that the simulator accepts. There is no `Debug`, so that none is printed by accident.
#[derive(Clone)]
pub struct Token {
    /// The token as it is sent.
    pub secret: String,
    /// What it is, which decides how it must be sent.
    pub kind: TokenKind,
    /// The email address of the person it acts for. None for an account-level key.
    pub user: Option<String>,
    /// The OAuth scopes it holds; `None` means all. The classic `read` and `write` are understood.
    pub scopes: Option<Vec<String>>,
}

/// The three sorts of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Sent as `Authorization: Bearer …`; belongs to a user.
    UserOAuth,
    /// Sent as `Authorization: Token token=…`; belongs to a user.
    UserApiKey,
    /// Sent as `Authorization: Token token=…`; belongs to nobody, so incident writes need `From`.
    AccountApiKey,
}

/// K. Moore's OAuth token, with every scope the simulator checks.
pub const DEMO_OAUTH_TOKEN: &str = "pdus+_0XBPWQQ_00000000-demo-4000-8000-harbourfinch";
/// K. Moore's OAuth token with the `.read` scopes only.
pub const DEMO_READ_ONLY_OAUTH_TOKEN: &str = "pdus+_0XBPWQQ_00000000-demo-4000-8000-readonlytoken";
/// J. Lee's API key.
pub const DEMO_USER_API_KEY: &str = "u_DemoKey0HarbrFinch";
/// An account-level API key.
pub const DEMO_ACCOUNT_API_KEY: &str = "a_DemoKey0HarbrFinch";
/// The API key of a stakeholder, whose role (`read_only_user`) may not write.
pub const DEMO_STAKEHOLDER_API_KEY: &str = "s_DemoKey0HarbrFinch";
/// The API key of an observer, whose role may not write either.
pub const DEMO_OBSERVER_API_KEY: &str = "o_DemoKey0HarbrFinch";

/// Email of K. Moore, on call for payments at the start.
pub const DEMO_USER_EMAIL: &str = "k.moore@harbourandfinch.example";
/// Email of J. Lee, on call for identity at the start.
pub const DEMO_SECOND_USER_EMAIL: &str = "j.lee@harbourandfinch.example";

/// The `.read` scopes of the endpoints that exist here.
const READ_SCOPES: [&str; 8] = [
    "incidents.read",
    "services.read",
    "oncalls.read",
    "users.read",
    "teams.read",
    "escalation_policies.read",
    "schedules.read",
    "priorities.read",
];

/// The published tokens, valid unless [`Config::demo_tokens`] is off. None of them is a secret.
pub fn demo_tokens() -> Vec<Token> {
    let read: Vec<String> = READ_SCOPES.iter().map(|&scope| scope.to_owned()).collect();
    let mut all = read.clone();
    // The webhook scope is there on purpose: whoever must not create webhooks has to be stopped before
    // the request leaves, not by a lucky lack of scope.
    all.extend(["incidents.write", "webhook_subscriptions.write"].map(str::to_owned));
    let token = |secret: &str, kind, user: Option<&str>, scopes| Token {
        secret: secret.to_owned(),
        kind,
        user: user.map(str::to_owned),
        scopes,
    };
    vec![
        token(DEMO_OAUTH_TOKEN, TokenKind::UserOAuth, Some(DEMO_USER_EMAIL), Some(all)),
        token(DEMO_READ_ONLY_OAUTH_TOKEN, TokenKind::UserOAuth, Some(DEMO_USER_EMAIL), Some(read)),
        token(DEMO_USER_API_KEY, TokenKind::UserApiKey, Some(DEMO_SECOND_USER_EMAIL), None),
        token(DEMO_ACCOUNT_API_KEY, TokenKind::AccountApiKey, None, None),
        token(DEMO_STAKEHOLDER_API_KEY, TokenKind::UserApiKey, Some("h.lindqvist@harbourandfinch.example"), None),
        token(DEMO_OBSERVER_API_KEY, TokenKind::UserApiKey, Some("t.abara@harbourandfinch.example"), None),
    ]
}
