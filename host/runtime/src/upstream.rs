//! Connections to upstreams: one pool for each user's connection, dialling only addresses that were checked.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use toolkeep_policy::address::is_public;

use crate::error::HostError;
use crate::limits::Limits;

/// Most pools that are kept; the least recently used is closed first. A pool without open connections is small.
const MAX_POOLS: usize = 1_024;
/// How long an unused upstream connection stays open, in seconds. Common servers close theirs after 60 to 75.
const IDLE_S: u64 = 50;
/// Idle upstream connections of one pool.
const MAX_IDLE_PER_POOL: usize = 64;
/// Most addresses of one name that are looked at.
const MAX_ADDRESSES: usize = 64;

/// Which addresses a pool may dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reach {
    /// A declared base: `https`, public addresses.
    Public,
    /// A base that the operator named: any address, and on loopback also plain `http`.
    Operator,
}

type HttpClient = Client<HttpsConnector<HttpConnector<CheckedResolver>>, Full<Bytes>>;

/// One connection's way to its upstream.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) client: HttpClient,
}

#[derive(PartialEq, Eq, Hash, Clone)]
struct PoolKey {
    connection: String,
    version: u64,
    reach: Reach,
}

/// All pools of a host.
pub(crate) struct Upstreams {
    tls: rustls::ClientConfig,
    connect: Duration,
    response_header_bytes: usize,
    pools: Mutex<HashMap<PoolKey, (Upstream, Instant)>>,
}

impl Upstreams {
    pub(crate) fn new(limits: &Limits) -> Result<Self, HostError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| HostError::Engine(error.to_string()))?
            .with_webpki_roots()
            .with_no_client_auth();
        Ok(Self {
            tls,
            connect: Duration::from_millis(limits.connect_ms),
            response_header_bytes: limits.response_header_bytes,
            pools: Mutex::new(HashMap::new()),
        })
    }

    /// The pool of one connection. A replaced credential (another version) begins a new one.
    pub(crate) fn of(&self, connection: &str, version: u64, reach: Reach) -> Upstream {
        let key = PoolKey { connection: connection.to_owned(), version, reach };
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some((upstream, used)) = pools.get_mut(&key) {
            *used = now;
            return upstream.clone();
        }
        if pools.len() >= MAX_POOLS
            && let Some(oldest) = pools.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone())
        {
            pools.remove(&oldest);
        }
        let upstream = self.dialler(reach);
        pools.insert(key, (upstream.clone(), now));
        upstream
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that dials: every address was checked by CheckedResolver"
    )]
    fn dialler(&self, reach: Reach) -> Upstream {
        let mut http = HttpConnector::new_with_resolver(CheckedResolver { reach });
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(self.connect));
        let mut tls = self.tls.clone();
        // Session tickets are a kind of shared connection: each pool has its own.
        tls.resumption = rustls::client::Resumption::default();
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
        let connector = match reach {
            Reach::Public => builder.https_only().enable_http1().wrap_connector(http),
            Reach::Operator => builder.https_or_http().enable_http1().wrap_connector(http),
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(IDLE_S))
            .pool_max_idle_per_host(MAX_IDLE_PER_POOL)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http1_max_buf_size(self.response_header_bytes.max(8 << 10))
            // Retrying on a stale connection is for requests that were never sent; hyper knows which those are,
            // but a write is never repeated by itself, so none is.
            .retry_canceled_requests(false)
            .set_host(false)
            .build(connector);
        Upstream { client }
    }
}

/// A name resolved to an address that a declared origin must not have.
#[derive(Debug, thiserror::Error)]
#[error("the upstream's name resolves to {0}, which is not a public address")]
pub(crate) struct AddressRefused(pub(crate) std::net::IpAddr);

/// Resolves names for the dialler and checks **every** address of the answer: only what is returned here is
/// dialled, so nothing can change between the check and the dial.
#[derive(Clone, Copy)]
pub(crate) struct CheckedResolver {
    reach: Reach,
}

impl tower_service::Service<Name> for CheckedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that resolves: every address is checked before it is dialled"
    )]
    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.reach;
        Box::pin(async move {
            let addresses: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.take(MAX_ADDRESSES).collect();
            if reach == Reach::Public
                && let Some(refused) = addresses.iter().find(|address| !is_public(address.ip()))
            {
                return Err(AddressRefused(refused.ip()).into());
            }
            Ok(addresses.into_iter())
        })
    }
}
