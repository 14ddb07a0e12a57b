//! Upstreams that misbehave, and know in which header this case's credential comes.

use hostile_upstream::{Behaviour, Config, HostileUpstream};
use toolkeep_vault::CredentialKind;

use crate::arena::Arena;

/// The header of the canary, by the declaration that all hostile components share.
pub(crate) fn credential_header(arena: &Arena) -> &'static str {
    match arena.canary.kind {
        CredentialKind::OAuth2 => "authorization",
        _ => "x-api-key",
    }
}

/// An upstream on loopback.
pub(crate) async fn start(arena: &Arena, behaviour: Behaviour) -> anyhow::Result<HostileUpstream> {
    let credential_header = credential_header(arena).to_owned();
    Ok(HostileUpstream::start_with(Config { credential_header, behaviour, ..Config::default() }).await?)
}

/// Whether the canary arrived where it belongs, so that a test which finds it nowhere else says something.
pub(crate) fn had_the_canary(arena: &Arena, upstream: &HostileUpstream) -> bool {
    upstream.requests().iter().any(|request| {
        request
            .header(credential_header(arena))
            .is_some_and(|value| String::from_utf8_lossy(value).ends_with(&arena.canary.secret))
    })
}
