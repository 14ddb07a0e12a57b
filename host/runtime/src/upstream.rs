//! Connections to upstreams: one pool for each user's connection, dialling only addresses that were checked.
//!
//! What is not here cannot be switched on: no proxy (nothing reads the environment), no redirects, no HTTP/2,
//! no way past the checks of certificates.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;

use crate::error::HostError;
use crate::limits::Limits;
use crate::resolver::{CheckedResolver, Dialled, Resolver};

/// Most pools that are kept; the least recently used is closed first. A pool without open connections is small.
const MAX_POOLS: usize = 1_024;
/// How long an unused upstream connection stays open, in seconds. Common servers close theirs after 60 to 75.
const IDLE_S: u64 = 50;
/// Idle upstream connections of one pool.
const MAX_IDLE_PER_POOL: usize = 64;
/// Most roots that an operator adds. A company has one or two, and a few more while it replaces them.
const MAX_OPERATOR_ROOTS: usize = 16;

/// Most that is read from an upstream's connection at a time, in bytes: a page of forty full incidents. What comes in
/// one piece is looked through and passed on without being copied. A connection's buffer grows to it only with what
/// comes. A head that fits into it is measured by the gate; status line, spaces and interim heads are bounded by this.
const READ_BYTES: usize = 128 << 10;

/// Header fields of an answer that hyper reads where it is not told another number, which costs it memory for each
/// answer; fewer are the gate's to refuse.
const FIELDS_BY_DEFAULT: usize = 100;

/// Which addresses a pool may dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reach {
    /// A declared base: `https`, public addresses.
    Public,
    /// A base that the operator named: any address, and on loopback also plain `http`.
    Operator,
}

type HttpClient = Client<HttpsConnector<Dialler>, Full<Bytes>>;

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
    /// For declared bases: the compiled-in public roots, and nothing that could be added to them.
    public: ClientConfig,
    /// For bases that the operator named: the same, and the roots that the operator added.
    operator: ClientConfig,
    resolver: Arc<dyn Resolver>,
    connect: Duration,
    response_header_bytes: usize,
    header_fields: usize,
    pools: Mutex<HashMap<PoolKey, (Upstream, Instant)>>,
}

impl Upstreams {
    pub(crate) fn new(
        limits: &Limits,
        resolver: Arc<dyn Resolver>,
        operator_roots: Vec<CertificateDer<'static>>,
    ) -> Result<Self, HostError> {
        let public = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let mut operator = public.clone();
        for root in operator_roots {
            operator.add(root).map_err(|error| HostError::RootCertificate { reason: error.to_string() })?;
        }
        Ok(Self {
            public: tls(public)?,
            operator: tls(operator)?,
            resolver,
            connect: Duration::from_millis(limits.connect_ms),
            response_header_bytes: limits.response_header_bytes,
            header_fields: limits.header_fields,
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

    #[expect(clippy::disallowed_methods, reason = "the one client: it dials what Dialler lets it dial")]
    fn dialler(&self, reach: Reach) -> Upstream {
        let dialler = Dialler { resolver: Arc::clone(&self.resolver), reach, connect: self.connect };
        let mut tls = match reach {
            Reach::Public => self.public.clone(),
            Reach::Operator => self.operator.clone(),
        };
        // Session tickets are a kind of shared connection: each pool has its own.
        tls.resumption = rustls::client::Resumption::default();
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
        let connector = match reach {
            Reach::Public => builder.https_only().enable_http1().wrap_connector(dialler),
            Reach::Operator => builder.https_or_http().enable_http1().wrap_connector(dialler),
        };
        let mut client = Client::builder(TokioExecutor::new());
        if self.header_fields > FIELDS_BY_DEFAULT {
            client.http1_max_headers(self.header_fields);
        }
        let client = client
            .pool_idle_timeout(Duration::from_secs(IDLE_S))
            .pool_max_idle_per_host(MAX_IDLE_PER_POOL)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http1_max_buf_size(self.response_header_bytes.max(READ_BYTES))
            // Retrying on a stale connection is for requests that were never sent; hyper knows which those are,
            // but a write is never repeated by itself, so none is.
            .retry_canceled_requests(false)
            .set_host(false)
            .build(connector);
        Upstream { client }
    }
}

/// TLS with the checks of certificates that rustls does by itself, against these roots.
fn tls(roots: RootCertStore) -> Result<ClientConfig, HostError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| HostError::Engine(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Reads the certificates of an operator: PEM with one or more of them, or one in DER.
pub(crate) fn operator_roots(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, HostError> {
    let invalid = |reason: String| HostError::RootCertificate { reason };
    let is_pem = memchr::memmem::find(text, b"-----BEGIN ").is_some();
    let roots = if is_pem {
        CertificateDer::pem_slice_iter(text)
            .take(MAX_OPERATOR_ROOTS + 1)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| invalid(error.to_string()))?
    } else {
        vec![CertificateDer::from(text.to_vec())]
    };
    if roots.is_empty() {
        return Err(invalid("it holds no certificate".to_owned()));
    }
    if roots.len() > MAX_OPERATOR_ROOTS {
        return Err(invalid(format!("it holds more than {MAX_OPERATOR_ROOTS} certificates")));
    }
    let mut store = RootCertStore::empty();
    for root in &roots {
        store.add(root.clone()).map_err(|error| invalid(error.to_string()))?;
    }
    Ok(roots)
}

/// Opens TCP connections, to checked addresses alone.
#[derive(Clone)]
pub(crate) struct Dialler {
    resolver: Arc<dyn Resolver>,
    reach: Reach,
    connect: Duration,
}

impl tower_service::Service<Uri> for Dialler {
    type Response = TokioIo<TcpStream>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let dialled = match (self.reach, to.scheme_str()) {
            (Reach::Public, _) => Dialled::Public,
            (Reach::Operator, Some("https")) => Dialled::Any,
            (Reach::Operator, _) => Dialled::Loopback,
        };
        let checked = CheckedResolver { resolver: Arc::clone(&self.resolver), dialled, limit: self.connect };
        let mut http = HttpConnector::new_with_resolver(checked);
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(self.connect));
        Box::pin(async move {
            // A literal is dialled without a look-up, so it is checked here.
            let host = to.host().unwrap_or_default();
            let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            if let Ok(address) = literal.parse::<IpAddr>() {
                dialled.check(address)?;
            }
            Ok(http.call(to).await?)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use tower_service::Service as _;

    use super::*;
    use crate::resolver::{AddressRefused, SystemResolver};

    #[tokio::test]
    async fn a_literal_is_checked_like_a_name() {
        let dialler =
            |reach| Dialler { resolver: Arc::new(SystemResolver), reach, connect: Duration::from_millis(200) };
        for (reach, to) in [
            (Reach::Public, "https://127.0.0.1:1/"),
            (Reach::Public, "https://[::1]:1/"),
            (Reach::Public, "https://[::ffff:169.254.169.254]/"),
            (Reach::Operator, "http://192.0.2.1:1/"),
        ] {
            let refused = dialler(reach).call(to.parse().unwrap()).await.unwrap_err();
            assert!(refused.downcast_ref::<AddressRefused>().is_some(), "{to}: {refused}");
        }
    }

    #[test]
    fn roots_are_certificates_and_few() {
        for bad in [&b""[..], b"not a certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let refused = operator_roots(bad).unwrap_err();
            assert_eq!(refused.code(), "root_certificate_invalid");
        }
    }

    /// Whether a client takes a server for `upstream.test`, without a connection between them.
    fn trusts(client: &ClientConfig, server: &Arc<rustls::ServerConfig>) -> bool {
        let name = "upstream.test".try_into().unwrap();
        let mut client = rustls::ClientConnection::new(Arc::new(client.clone()), name).unwrap();
        let mut server = rustls::ServerConnection::new(Arc::clone(server)).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let (mut there, mut back) = (Vec::new(), Vec::new());
            while client.wants_write() {
                client.write_tls(&mut there).unwrap();
            }
            server.read_tls(&mut there.as_slice()).unwrap();
            server.process_new_packets().unwrap();
            while server.wants_write() {
                server.write_tls(&mut back).unwrap();
            }
            client.read_tls(&mut back.as_slice()).unwrap();
            if client.process_new_packets().is_err() {
                return false;
            }
        }
        true
    }

    #[test]
    fn an_operators_root_is_no_root_for_declared_bases() {
        let key = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["upstream.test".to_owned()]).unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        let server = Arc::new(server);
        let with = |roots| Upstreams::new(&Limits::default(), Arc::new(SystemResolver), roots).unwrap();
        let upstreams = with(operator_roots(certificate.pem().as_bytes()).unwrap());
        assert!(trusts(&upstreams.operator, &server));
        assert!(!trusts(&upstreams.public, &server));
        assert!(!trusts(&with(Vec::new()).operator, &server));
    }

    #[test]
    fn a_pool_is_one_connections_and_one_versions() {
        let upstreams = Upstreams::new(&Limits::default(), Arc::new(SystemResolver), Vec::new()).unwrap();
        for (id, version, reach) in [("a", 1, Reach::Public), ("b", 1, Reach::Public), ("a", 2, Reach::Public)] {
            upstreams.of(id, version, reach);
            upstreams.of(id, version, reach);
        }
        upstreams.of("a", 1, Reach::Operator);
        assert_eq!(upstreams.pools.lock().unwrap().len(), 4);
    }
}
