//! From a name to the addresses that may be dialled: the seam for an embedder's own DNS, and the checks that
//! every answer passes, whoever gave it.
//!
//! What is checked here is what is dialled. There is no second look-up, so a name that answers otherwise a
//! moment later (rebinding) changes nothing.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::dns::Name;
use toolkeep_policy::address::is_public;

/// Most addresses of one answer. Large services give out a dozen; an answer of more is not looked at.
const MAX_ADDRESSES: usize = 64;

/// A look-up under way.
pub type Lookup<'a> = Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Turns names into addresses. The host's default asks the system; an embedder with a DNS of its own gives
/// another to [`crate::HostBuilder::resolver`].
///
/// A resolver is not trusted: the host checks every address of an answer, refuses the whole answer for one
/// bad address, takes at most 64 of them, and waits no longer than [`crate::Limits::connect_ms`]. Names are
/// those of declared origins and of bases that the operator named, without a port.
pub trait Resolver: Send + Sync {
    /// The addresses of a name, in the order in which they should be tried.
    ///
    /// # Errors
    /// The name has none, or the look-up failed. The connector learns no more than that.
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a>;
}

/// Asks the operating system.
pub(crate) struct SystemResolver;

impl Resolver for SystemResolver {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that resolves: every address is checked before it is dialled"
    )]
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        Box::pin(async move {
            // One more than is taken, so that too long an answer is seen to be one.
            let addresses = tokio::net::lookup_host((name, 0)).await?;
            Ok(addresses.take(MAX_ADDRESSES + 1).map(|address| address.ip()).collect())
        })
    }
}

/// Which addresses may be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialled {
    /// Public unicast alone: whatever a connector declared.
    Public,
    /// Loopback alone: where a credential would travel without TLS.
    Loopback,
    /// Any: a base that the operator named, with TLS.
    Any,
}

impl Dialled {
    /// Whether the address may be dialled.
    ///
    /// # Errors
    /// [`AddressRefused`].
    pub(crate) fn check(self, address: IpAddr) -> Result<(), AddressRefused> {
        let (allowed, wanted) = match self {
            Self::Public => (is_public(address), "a public"),
            Self::Loopback => (address.to_canonical().is_loopback(), "a loopback"),
            Self::Any => (true, "an"),
        };
        if allowed { Ok(()) } else { Err(AddressRefused { address, wanted }) }
    }
}

/// A name leads to an address that it must not have.
#[derive(Debug, thiserror::Error)]
#[error("the upstream's name resolves to {address}, which is not {wanted} address")]
pub(crate) struct AddressRefused {
    address: IpAddr,
    wanted: &'static str,
}

/// A look-up that gave no addresses. The resolver's own words are left out: they may name servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LookupFailed {
    #[error("the upstream's name could not be resolved")]
    NoAddress,
    #[error("the upstream's name was not resolved in time")]
    TimedOut,
    #[error("the upstream's name has more than {MAX_ADDRESSES} addresses")]
    TooMany,
}

/// Resolves names for one dial and gives on only what was checked.
#[derive(Clone)]
pub(crate) struct CheckedResolver {
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) dialled: Dialled,
    pub(crate) limit: Duration,
}

impl CheckedResolver {
    async fn resolve(self, name: Name) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let addresses = match tokio::time::timeout(self.limit, self.resolver.resolve(name.as_str())).await {
            Err(_) => return Err(LookupFailed::TimedOut.into()),
            Ok(Err(_)) => return Err(LookupFailed::NoAddress.into()),
            Ok(Ok(addresses)) if addresses.is_empty() => return Err(LookupFailed::NoAddress.into()),
            Ok(Ok(addresses)) if addresses.len() > MAX_ADDRESSES => return Err(LookupFailed::TooMany.into()),
            Ok(Ok(addresses)) => addresses,
        };
        // All of them: the dialler tries one after the other, so one bad address spoils the answer.
        addresses.iter().try_for_each(|address| self.dialled.check(*address))?;
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect())
    }
}

impl tower_service::Service<Name> for CheckedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let checked = self.clone();
        Box::pin(async move { Ok(checked.resolve(name).await?.into_iter()) })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    struct Says(Vec<&'static str>);

    impl Resolver for Says {
        fn resolve<'a>(&'a self, _: &'a str) -> Lookup<'a> {
            Box::pin(async { Ok(self.0.iter().map(|text| text.parse().unwrap()).collect()) })
        }
    }

    struct Never;

    impl Resolver for Never {
        fn resolve<'a>(&'a self, _: &'a str) -> Lookup<'a> {
            Box::pin(std::future::pending())
        }
    }

    async fn resolved(resolver: impl Resolver + 'static, dialled: Dialled) -> Result<usize, String> {
        let checked = CheckedResolver { resolver: Arc::new(resolver), dialled, limit: Duration::from_millis(20) };
        let name = "api.example.com".parse().unwrap();
        checked.resolve(name).await.map(|addresses| addresses.len()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn one_bad_address_spoils_the_answer() {
        assert_eq!(resolved(Says(vec!["8.8.8.8", "2600:1f14::1"]), Dialled::Public).await, Ok(2));
        for bad in ["127.0.0.1", "::ffff:10.0.0.1", "169.254.169.254", "64:ff9b::a00:1", "fe80::1"] {
            let said = resolved(Says(vec!["8.8.8.8", bad, "1.1.1.1"]), Dialled::Public).await.unwrap_err();
            assert!(said.contains("not a public address"), "{bad}: {said}");
        }
    }

    #[tokio::test]
    async fn what_is_not_encrypted_stays_on_the_machine() {
        assert_eq!(resolved(Says(vec!["127.0.0.1", "::1"]), Dialled::Loopback).await, Ok(2));
        let said = resolved(Says(vec!["127.0.0.1", "8.8.8.8"]), Dialled::Loopback).await.unwrap_err();
        assert!(said.contains("not a loopback address"), "{said}");
        assert_eq!(resolved(Says(vec!["10.0.0.1"]), Dialled::Any).await, Ok(1));
    }

    #[tokio::test]
    async fn a_look_up_is_bounded_in_time_and_size() {
        assert_eq!(resolved(Never, Dialled::Any).await, Err(LookupFailed::TimedOut.to_string()));
        assert_eq!(resolved(Says(Vec::new()), Dialled::Any).await, Err(LookupFailed::NoAddress.to_string()));
        let many = vec!["8.8.8.8"; MAX_ADDRESSES + 1];
        assert_eq!(resolved(Says(many), Dialled::Any).await, Err(LookupFailed::TooMany.to_string()));
    }
}
