//! What a request over HTTP must show before the protocol sees it: an allowed `Host`, an allowed `Origin` if
//! it has one, and an API key in the one place where keys belong.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, HOST, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use secrecy::SecretString;
use serde_json::json;
use toolkeep_policy::Principal;
use toolkeep_vault::{Vault, VaultError};

/// Which names this listener answers to, and which web pages may talk to it.
///
/// A page that somebody visits can send requests to `localhost`; a name of the attacker's can resolve to
/// 127.0.0.1. The first carries a foreign `Origin`, the second a foreign `Host`.
#[derive(Debug, Clone)]
pub(crate) struct Doors {
    hosts: Vec<Allowed>,
    origins: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Allowed {
    host: String,
    /// None: any port.
    port: Option<u16>,
}

/// The names of this machine as seen from itself.
const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

impl Doors {
    /// Loopback names on any port, `hosts` (`name` or `name:port`), and no origins but `origins`
    /// (`scheme://host:port`, compared as text in lower case).
    ///
    /// # Errors
    /// The name or origin that is malformed.
    pub(crate) fn new(hosts: &[String], origins: &[String]) -> Result<Self, String> {
        let mut allowed: Vec<Allowed> =
            LOOPBACK_NAMES.iter().map(|name| Allowed { host: (*name).to_owned(), port: None }).collect();
        for host in hosts {
            allowed.push(parse_host(host).ok_or_else(|| format!("`{host}` is not HOST or HOST:PORT"))?);
        }
        let origins = origins
            .iter()
            .map(|origin| {
                let uri: Uri = origin.parse().map_err(|_| format!("`{origin}` is not SCHEME://HOST:PORT"))?;
                let bare = uri.scheme().is_some() && uri.authority().is_some() && matches!(uri.path(), "" | "/");
                if bare && !origin.ends_with('/') {
                    Ok(origin.to_ascii_lowercase())
                } else {
                    Err(format!("`{origin}` is not SCHEME://HOST:PORT without a path"))
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { hosts: allowed, origins })
    }

    /// Lets a request in, or says why not.
    pub(crate) fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let told = match headers.get(HOST) {
            Some(host) => host.to_str().ok().and_then(parse_host),
            None => uri.authority().map(normal),
        };
        let host = told.ok_or(Refusal::HostMissing)?;
        let matches =
            |allowed: &Allowed| allowed.host == host.host && allowed.port.is_none_or(|port| host.port == Some(port));
        if !self.hosts.iter().any(matches) {
            return Err(Refusal::HostForeign);
        }
        for origin in headers.get_all(ORIGIN) {
            let known = origin.to_str().is_ok_and(|origin| self.origins.contains(&origin.to_ascii_lowercase()));
            if !known {
                return Err(Refusal::OriginForeign);
            }
        }
        Ok(())
    }
}

fn parse_host(text: &str) -> Option<Allowed> {
    // A bare IPv6 address is not an authority, but people write `::1`.
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Some(Allowed { host: text.to_ascii_lowercase(), port: None });
    }
    let authority: Authority = text.parse().ok()?;
    // `user@host` is an authority too; a Host header has no user.
    (!text.contains('@')).then(|| normal(&authority))
}

fn normal(authority: &Authority) -> Allowed {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    Allowed { host, port: authority.port_u16() }
}

/// Whose request it is.
///
/// # Errors
/// No key, a wrong one, one in the URL, or a vault that cannot be asked.
pub(crate) fn authenticate(vault: &Vault, uri: &Uri, headers: &HeaderMap) -> Result<Principal, Refusal> {
    // Logs and histories keep URLs. A key that came in one is known to them, so it must not work either.
    if uri.query().is_some_and(|query| query.contains("tk_") || query.contains("access_token=")) {
        return Err(Refusal::KeyInUrl);
    }
    let mut presented = headers.get_all(AUTHORIZATION).iter();
    let value = presented.next().ok_or(Refusal::KeyMissing)?;
    if presented.next().is_some() {
        return Err(malformed());
    }
    let text = value.to_str().map_err(|_| malformed())?;
    let key = match text.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim(),
        _ => return Err(Refusal::KeyMissing),
    };
    vault.authenticate(&SecretString::from(key)).map_err(|error| {
        if matches!(error, VaultError::Unavailable { .. }) {
            tracing::error!(code = error.code(), %error, "the vault cannot be asked");
            return Refusal::VaultUnavailable;
        }
        let key = match &error {
            VaultError::ApiKeyExpired(id) | VaultError::ApiKeyRevoked(id) | VaultError::ApiKeyCorrupt(id) => {
                Some(id.clone())
            }
            _ => None,
        };
        Refusal::KeyWrong { reason: error.code(), key }
    })
}

/// What was presented has not the shape of a key.
fn malformed() -> Refusal {
    Refusal::KeyWrong { reason: VaultError::ApiKeyMalformed.code(), key: None }
}

/// Why a request does not reach the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    HostMissing,
    HostForeign,
    OriginForeign,
    KeyMissing,
    /// With the vault's reason and the id of a key that we made, neither of which the caller hears.
    KeyWrong {
        reason: &'static str,
        key: Option<String>,
    },
    KeyInUrl,
    VaultUnavailable,
    UnknownConnector,
    NoSuchPage,
    BodyTooLarge,
    BodyTooSlow,
    BodyBroken,
    Overloaded,
}

impl Refusal {
    /// The code for the audit log, where the refusal belongs there: somebody was kept out.
    pub(crate) fn audit_code(&self) -> Option<&'static str> {
        match self {
            Self::KeyWrong { reason, .. } => Some(reason),
            Self::KeyMissing | Self::KeyInUrl | Self::HostForeign | Self::OriginForeign => Some(self.parts().1),
            _ => None,
        }
    }

    /// The id of the key that was presented, where it is one that we made. Never its secret.
    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::KeyWrong { key, .. } => key.as_deref(),
            _ => None,
        }
    }

    /// Status, stable code, and what to do.
    fn parts(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::HostMissing => (S::BAD_REQUEST, "host_missing", "send one well-formed Host header"),
            Self::HostForeign => (
                S::FORBIDDEN,
                "host_not_allowed",
                "this server does not answer to that name; its operator can add it with --allowed-host",
            ),
            Self::OriginForeign => (
                S::FORBIDDEN,
                "origin_not_allowed",
                "web pages of that origin may not call this server; its operator can add it with --allowed-origin",
            ),
            Self::KeyMissing => (
                S::UNAUTHORIZED,
                "key_missing",
                "send Authorization: Bearer tk_… with a key from `toolkeep key create`",
            ),
            Self::KeyWrong { .. } => (
                S::UNAUTHORIZED,
                "key_invalid",
                "the API key is not valid (wrong, expired or revoked); make a new one with `toolkeep key create`",
            ),
            Self::KeyInUrl => (
                S::BAD_REQUEST,
                "key_in_url",
                "a key never belongs in a URL, where logs keep it; revoke it, and send Authorization: Bearer",
            ),
            Self::VaultUnavailable => {
                (S::SERVICE_UNAVAILABLE, "vault_unavailable", "keys cannot be checked right now; try again later")
            }
            Self::UnknownConnector => {
                (S::NOT_FOUND, "unknown_connector", "no connector of this name is loaded; /mcp serves all there are")
            }
            Self::NoSuchPage => (S::NOT_FOUND, "not_found", "MCP is at /mcp and at /mcp/CONNECTOR"),
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "body_too_large", "a request has at most 1 MiB"),
            Self::BodyTooSlow => {
                (S::REQUEST_TIMEOUT, "body_too_slow", "the whole request must arrive within 10 seconds")
            }
            Self::BodyBroken => (S::BAD_REQUEST, "body_broken", "the request ended before it was complete"),
            Self::Overloaded => {
                (S::SERVICE_UNAVAILABLE, "overloaded", "too many requests are running; try again in a second")
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message) = self.parts();
        let body = json!({ "error": { "code": code, "message": message } }).to_string();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // RFC 6750, section 3: no error code when nothing was presented, `invalid_token` when it was wrong.
        match self {
            Self::KeyMissing => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"toolkeep\""));
            }
            Self::KeyWrong { .. } => {
                headers.insert(
                    WWW_AUTHENTICATE,
                    HeaderValue::from_static(
                        "Bearer realm=\"toolkeep\", error=\"invalid_token\", error_description=\"the API key is not valid\"",
                    ),
                );
            }
            Self::Overloaded | Self::VaultUnavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;
    use secrecy::ExposeSecret;
    use toolkeep_policy::ToolFilter;
    use toolkeep_vault::NewApiKey;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn path() -> Uri {
        Uri::from_static("/mcp")
    }

    #[test]
    fn only_known_hosts_and_origins_are_let_in() {
        let doors = Doors::new(
            &["tools.example.com".to_owned(), "other.example.com:8080".to_owned()],
            &["https://app.example.com:443".to_owned()],
        )
        .unwrap();
        let admit = |pairs: &[(&'static str, &str)]| doors.admit(&path(), &headers(pairs));
        for host in
            ["localhost:7410", "127.0.0.1", "[::1]:7410", "LOCALHOST", "tools.example.com:99", "other.example.com:8080"]
        {
            assert_eq!(admit(&[("host", host)]), Ok(()), "{host}");
        }
        for host in
            ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "other.example.com", "127.0.0.2"]
        {
            assert_eq!(admit(&[("host", host)]), Err(Refusal::HostForeign), "{host}");
        }
        for host in ["", "evil@localhost", "a b"] {
            assert_eq!(admit(&[("host", host)]), Err(Refusal::HostMissing), "{host}");
        }
        assert_eq!(admit(&[]), Err(Refusal::HostMissing));
        assert_eq!(admit(&[("host", "localhost"), ("origin", "https://app.example.com:443")]), Ok(()));
        for origin in ["http://localhost:7410", "null", "https://app.example.com", "https://app.example.com:443/"] {
            assert_eq!(admit(&[("host", "localhost"), ("origin", origin)]), Err(Refusal::OriginForeign), "{origin}");
        }
    }

    #[test]
    fn a_malformed_door_is_refused_at_the_start() {
        assert!(Doors::new(&["a b".to_owned()], &[]).is_err());
        for origin in ["app.example.com", "https://app.example.com/", "https://app.example.com/x", "/"] {
            assert!(Doors::new(&[], &[origin.to_owned()]).is_err(), "{origin}");
        }
    }

    #[test]
    fn the_key_comes_in_one_header_and_nowhere_else() {
        let vault = Vault::in_memory().unwrap();
        let (info, key) = vault
            .create_api_key(NewApiKey {
                tenant: "acme".parse().unwrap(),
                user: "kim".parse().unwrap(),
                label: "test".to_owned(),
                tools: ToolFilter::All,
                expires_at: None,
            })
            .unwrap();
        let key = key.expose_secret().to_owned();
        let ask = |uri: &str, pairs: &[(&'static str, &str)]| {
            authenticate(&vault, &uri.parse().unwrap(), &headers(pairs)).map(|principal| principal.user.to_string())
        };
        let bearer = format!("Bearer {key}");
        assert_eq!(ask("/mcp", &[("authorization", &bearer)]), Ok("kim".to_owned()));
        assert_eq!(ask("/mcp", &[("authorization", &format!("bearer  {key}"))]), Ok("kim".to_owned()));
        assert_eq!(ask("/mcp", &[]), Err(Refusal::KeyMissing));
        assert_eq!(ask("/mcp", &[("authorization", &format!("Basic {key}"))]), Err(Refusal::KeyMissing));
        assert_eq!(ask("/mcp", &[("authorization", "Bearer tk_nonsense")]), Err(malformed()));
        assert_eq!(
            ask("/mcp", &[("authorization", &bearer), ("authorization", &bearer)]),
            Err(malformed()),
            "two headers are one too many"
        );
        assert_eq!(ask(&format!("/mcp?key={key}"), &[("authorization", &bearer)]), Err(Refusal::KeyInUrl));
        vault.revoke_api_key(&info.id).unwrap();
        let revoked = Refusal::KeyWrong { reason: "api_key_revoked", key: Some(info.id.clone()) };
        assert_eq!(revoked.key(), Some(info.id.as_str()), "the operator learns which key it was");
        assert_eq!(ask("/mcp", &[("authorization", &bearer)]), Err(revoked));
    }

    #[test]
    fn a_refusal_says_how_to_authenticate() {
        let response = Refusal::KeyMissing.into_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers().get(WWW_AUTHENTICATE).unwrap(), "Bearer realm=\"toolkeep\"");
        let response = malformed().into_response();
        assert!(response.headers().get(WWW_AUTHENTICATE).unwrap().to_str().unwrap().contains("invalid_token"));
    }
}
