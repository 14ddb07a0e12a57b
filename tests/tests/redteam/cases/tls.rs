//! Destination, part three: who stands where the upstream should be. The resolver leads to a server of the attacker's,
//! who has every certificate but the right one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use toolkeep_tests::test_cache;

use super::resolving::Loopback;
use crate::arena::{Arena, Scene, limits, said};
use crate::case::{Case, Category, case};

const CATEGORY: Category = Category::Destination;
/// The name of the upstream that is meant.
const NAME: &str = "upstream.example";

/// A server that cannot prove who it is.
macro_rules! impostor {
    ($id:literal, $attack:literal, $certificate:expr) => {
        case!(
            $id,
            "reads_echo",
            $attack,
            "nothing is sent to a server that does not prove who it is",
            "host/runtime/src/upstream.rs",
            refused,
            $certificate
        )
    };
}

pub(crate) const CASES: &[Case] = &[
    impostor!("tls/self-signed", "its upstream's certificate is signed by itself", Certificate::SelfSigned),
    impostor!(
        "tls/unknown-authority",
        "its upstream's certificate is signed by an authority that nobody knows",
        Certificate::OtherAuthority
    ),
    impostor!("tls/other-name", "its upstream's certificate is for another name", Certificate::OtherName),
    impostor!("tls/expired", "its upstream's certificate has expired", Certificate::Expired),
    impostor!("tls/not-yet-valid", "its upstream's certificate is not valid yet", Certificate::NotYetValid),
    case!(
        "tls/no-tls",
        "reads_echo",
        "its upstream speaks no TLS, so that everybody on the way can read",
        "what is declared with TLS is never sent without it",
        "host/runtime/src/upstream.rs",
        no_tls,
    ),
];

/// What a server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Certificate {
    /// What the upstream would show.
    Right,
    SelfSigned,
    OtherAuthority,
    OtherName,
    Expired,
    NotYetValid,
}

/// An authority, and its own certificate as PEM.
fn authority() -> Result<(Issuer<'static, KeyPair>, String)> {
    let key = KeyPair::generate()?;
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = parameters.self_signed(&key)?.pem();
    Ok((Issuer::new(parameters, key), pem))
}

/// A server's side of TLS with such a certificate, and the root that the operator trusts.
fn configured(certificate: Certificate) -> Result<(ServerConfig, String)> {
    let ((trusted, root), (other, _)) = (authority()?, authority()?);
    let key = KeyPair::generate()?;
    let name = if certificate == Certificate::OtherName { "elsewhere.example" } else { NAME };
    let mut parameters = CertificateParams::new(vec![name.to_owned()])?;
    match certificate {
        Certificate::Expired => parameters.not_after = date_time_ymd(2020, 1, 1),
        Certificate::NotYetValid => parameters.not_before = date_time_ymd(4000, 1, 1),
        _ => {}
    }
    let signed = match certificate {
        Certificate::SelfSigned => parameters.self_signed(&key)?,
        Certificate::OtherAuthority => parameters.signed_by(&key, &other)?,
        _ => parameters.signed_by(&key, &trusted)?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![signed.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )?;
    Ok((config, root))
}

/// What was heard, decrypted where there was TLS, and over how many connections.
#[derive(Default)]
struct Heard {
    connections: AtomicUsize,
    bytes: Mutex<Vec<u8>>,
}

impl Heard {
    fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A server on loopback, for as long as this lasts.
struct Server {
    base: String,
    heard: Arc<Heard>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Begins to listen, with TLS or without.
    async fn start(config: Option<ServerConfig>) -> Result<Self> {
        let acceptor = config.map(|config| tokio_rustls::TlsAcceptor::from(Arc::new(config)));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("https://{NAME}:{}", listener.local_addr()?.port());
        let heard = Arc::new(Heard::default());
        let hears = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                hears.connections.fetch_add(1, Ordering::Relaxed);
                // One client, one request: nobody else waits.
                match &acceptor {
                    Some(acceptor) => {
                        if let Ok(mut connection) = acceptor.accept(connection).await {
                            answer(&mut connection, &hears, END).await;
                        }
                    }
                    // Whatever it is that comes first.
                    None => answer(&mut connection, &hears, b"").await,
                }
            }
        });
        Ok(Self { base, heard, task })
    }
}

/// The end of a request's head.
const END: &[u8] = b"\r\n\r\n";

/// Listens until something ends like that, or the connection does, and answers.
async fn answer(
    connection: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
    heard: &Heard,
    end: &[u8],
) {
    while let Ok(byte) = connection.read_u8().await {
        let mut bytes = heard.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.push(byte);
        if bytes.ends_with(end) {
            break;
        }
    }
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    let _gone = connection.write_all(answer).await;
    let _gone = connection.shutdown().await;
}

/// A scene whose component talks to that server, by a name that resolves to loopback; the operator trusts `root`.
async fn scene(arena: &Arc<Arena>, server: &Server, root: &str) -> Result<Scene> {
    let mut limits = limits();
    limits.upstream_ms = 20_000;
    let scene = arena.built(&server.base, limits, test_cache(), |builder| {
        builder.resolver(Arc::new(Loopback)).operator_root_certificate(root.as_bytes())
    })?;
    scene.connect(arena.guest()?, Some(&server.base))?;
    scene.load(arena.guest()?).await?;
    Ok(scene)
}

async fn refused(arena: Arc<Arena>, certificate: Certificate) -> Result<()> {
    // With the right one it is answered, so it is the certificate that is refused.
    let (config, root) = configured(Certificate::Right)?;
    let server = Server::start(Some(config)).await?;
    let told = said(&scene(&arena, &server, &root).await?.call("", "1").await?)?;
    ensure!(told.starts_with("answered: 200"), "{told}");
    let heard = server.heard.bytes();
    ensure!(
        heard.windows(arena.canary.secret.len()).any(|window| window == arena.canary.secret.as_bytes()),
        "the credential did not arrive, so nothing was tried"
    );
    let (config, root) = configured(certificate)?;
    is_told_nothing(&arena, &Server::start(Some(config)).await?, &root).await
}

async fn no_tls(arena: Arc<Arena>) -> Result<()> {
    let (_, root) = configured(Certificate::Right)?;
    let server = Server::start(None).await?;
    let scene = scene(&arena, &server, &root).await?;
    let told = said(&scene.call("", "1").await?)?;
    ensure!(told.starts_with("failed: "), "{told}");
    let heard = server.heard.bytes();
    ensure!(server.heard.connections.load(Ordering::Relaxed) > 0, "nobody called, so nothing was tried");
    let is_record = heard.first().context("nothing was heard")? == &0x16;
    ensure!(is_record, "it does not begin with a handshake of TLS (RFC 8446, section 5.1): {heard:?}");
    ensure!(arena.canary.find(&heard).is_none(), "the credential was sent without TLS");
    Ok(())
}

async fn is_told_nothing(arena: &Arc<Arena>, server: &Server, root: &str) -> Result<()> {
    let scene = scene(arena, server, root).await?;
    let told = said(&scene.call("", "1").await?)?;
    ensure!(told.starts_with("failed: "), "the component was answered: {told}");
    let errors = scene.request_errors()?;
    ensure!(errors == ["tls_failed"], "{errors:?}");
    ensure!(server.heard.connections.load(Ordering::Relaxed) > 0, "nobody called, so nothing was tried");
    let heard = server.heard.bytes();
    ensure!(heard.is_empty(), "it heard {:?}", String::from_utf8_lossy(&heard));
    Ok(())
}
