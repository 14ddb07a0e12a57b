//! Who is asking: `Authorization: Token token=KEY` for API keys, `Bearer TOKEN` for OAuth.

use super::error::ApiError;
use crate::company::{Company, User};
use crate::config::{Config, TokenKind, demo_tokens};
use anyhow::{Result, bail};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use std::collections::HashMap;
use std::sync::Arc;

/// Roles whose holders may look but not touch.
const READ_ONLY_ROLES: [&str; 4] = ["observer", "read_only_user", "read_only_limited_user", "restricted_access"];

/// The holder of a token.
pub(crate) struct Principal {
    /// Tells tokens apart when they are counted.
    pub(crate) number: usize,
    kind: TokenKind,
    pub(crate) user: Option<Arc<User>>,
    scopes: Option<Vec<String>>,
}

impl Principal {
    /// Whether the token holds a scope. A classic `read` or `write` covers every scope of its kind, and
    /// `write` covers reading; a fine `x.write` does not cover `x.read`.
    pub(crate) fn has_scope(&self, needed: &str) -> bool {
        let Some(scopes) = &self.scopes else { return true };
        let reads = needed.ends_with(".read");
        scopes.iter().any(|scope| scope == needed || scope == "write" || (scope == "read" && reads))
    }

    /// Whether the person's role allows writes. An account-level key has no person and may.
    pub(crate) fn may_write(&self) -> bool {
        self.user.as_ref().is_none_or(|user| !READ_ONLY_ROLES.contains(&user.role))
    }
}

/// The tokens that are valid.
pub(crate) struct Auth {
    principals: HashMap<String, Principal>,
}

impl Auth {
    pub(crate) fn new(config: &Config, company: &Company) -> Result<Auth> {
        let demo = if config.demo_tokens { demo_tokens() } else { Vec::new() };
        let mut principals = HashMap::new();
        for (number, token) in demo.into_iter().chain(config.tokens.iter().cloned()).enumerate() {
            let user = match (&token.user, token.kind) {
                (Some(_), TokenKind::AccountApiKey) => bail!("an account-level key belongs to no user"),
                (None, TokenKind::AccountApiKey) => None,
                (None, _) => bail!("a user's token needs the email address of its user"),
                (Some(email), _) => match company.user_by_email(email) {
                    Some(user) => Some(Arc::clone(user)),
                    None => bail!("no user has the email address {email:?}"),
                },
            };
            let principal = Principal { number, kind: token.kind, user, scopes: token.scopes };
            principals.insert(token.secret, principal);
        }
        Ok(Auth { principals })
    }

    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<&Principal, ApiError> {
        self.find(headers).ok_or_else(ApiError::unauthorized)
    }

    fn find(&self, headers: &HeaderMap) -> Option<&Principal> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let (scheme, rest) = value.to_str().ok()?.trim().split_once(' ')?;
        let rest = rest.trim();
        let (secret, bearer) = if scheme.eq_ignore_ascii_case("bearer") {
            (rest, true)
        } else if scheme.eq_ignore_ascii_case("token") {
            (rest.strip_prefix("token=")?.trim_matches('"'), false)
        } else {
            return None;
        };
        self.principals.get(secret).filter(|principal| bearer == (principal.kind == TokenKind::UserOAuth))
    }
}
