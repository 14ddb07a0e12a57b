//! TLS: a certificate that does not hold is refused, whoever named the base; an operator's own root helps for the
//! bases that the operator named; nothing of a connection is shared between users.

use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{HandshakeKind, ServerConfig};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use toolkeep_host::{Call, HostError, Limits, Principal};
use toolkeep_tests::{Stage, api_key_canary, guest};
use toolkeep_vault::{ConnectionKey, CredentialKind, NewConnection};

use crate::names::Says;
use crate::raw_answers::error_codes;

/// The server's name. The tests' resolver says that it is loopback.
const NAME: &str = "upstream.test";

/// A certificate authority of the tests' own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(parameters, key), pem }
    }

    /// A certificate for `name`, changed as the test likes.
    fn certify(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut parameters);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        Identity { chain: vec![certificate.der().clone()], key: key.serialize_der() }
    }
}

struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

/// How one connection was made.
#[derive(Debug, Clone)]
struct Handshake {
    kind: HandshakeKind,
    protocol: Option<Vec<u8>>,
}

/// A server on loopback with TLS, which would speak HTTP/2 too and gives out session tickets.
struct Server {
    base: String,
    handshakes: Arc<Mutex<Vec<Handshake>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(identity: Identity) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(identity.chain, key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("https://{NAME}:{}", listener.local_addr().unwrap().port());
        let handshakes = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&handshakes);
        let task = tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Ok(mut connection) = acceptor.accept(connection).await else { return };
                    let about = connection.get_ref().1;
                    seen.lock().unwrap().push(Handshake {
                        kind: about.handshake_kind().unwrap(),
                        protocol: about.alpn_protocol().map(<[u8]>::to_vec),
                    });
                    let mut head = Vec::new();
                    while let Ok(byte) = connection.read_u8().await {
                        head.push(byte);
                        if head.ends_with(b"\r\n\r\n") {
                            head.clear();
                            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{\"id\":1}";
                            connection.write_all(answer).await.unwrap();
                        }
                    }
                });
            }
        });
        Self { base, handshakes, task }
    }
}

/// A stage in front of the server, whose operator trusts `root` besides.
async fn stage(name: &str, server: &Server, root: Option<&Authority>) -> Stage {
    let says = Says::new(&[&["127.0.0.1"]]);
    let mut stage = Stage::configured(&server.base, Limits::default(), |builder| {
        let builder = builder.resolver(says);
        match root {
            Some(root) => builder.operator_root_certificate(root.pem.as_bytes()),
            None => Ok(builder),
        }
    })
    .unwrap();
    stage.connect("misbehaves", &api_key_canary(name), CredentialKind::ApiKey, None, &server.base).unwrap();
    stage.host.load(&guest("misbehaves").unwrap()).await.unwrap();
    stage
}

async fn thing(stage: &Stage) -> Result<toolkeep_host::Answer, toolkeep_host::CallError> {
    stage.call("misbehaves_do", json!({ "how": "thing", "with": "1" })).await
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_is_refused() {
    let authority = Authority::new();
    let ours = |change: fn(&mut CertificateParams)| authority.certify(NAME, change);
    let cases = [
        ("unknown authority", ours(|_| {}), None),
        ("another authority", Authority::new().certify(NAME, |_| {}), Some(&authority)),
        ("another name", authority.certify("elsewhere.test", |_| {}), Some(&authority)),
        ("expired", ours(|parameters| parameters.not_after = date_time_ymd(2020, 1, 1)), Some(&authority)),
        ("not yet valid", ours(|parameters| parameters.not_before = date_time_ymd(4000, 1, 1)), Some(&authority)),
    ];
    for (what, identity, root) in cases {
        let server = Server::start(identity).await;
        let stage = stage("refused", &server, root).await;
        assert!(thing(&stage).await.is_err(), "{what}");
        assert_eq!(error_codes(&stage), ["tls_failed"], "{what}");
    }
}

#[tokio::test]
async fn an_operators_root_is_taken_for_its_bases_and_http_1_is_what_is_spoken() {
    let authority = Authority::new();
    let server = Server::start(authority.certify(NAME, |_| {})).await;
    let stage = stage("trusted", &server, Some(&authority)).await;
    for _ in 0..2 {
        thing(&stage).await.unwrap();
    }
    let handshakes = server.handshakes.lock().unwrap().clone();
    assert_eq!(handshakes.len(), 1, "a user's connection is used again: {handshakes:?}");
    assert_ne!(handshakes[0].protocol.as_deref(), Some(b"h2".as_slice()));
}

#[tokio::test]
async fn no_connection_or_session_is_shared_between_users_or_versions() {
    let authority = Authority::new();
    let server = Server::start(authority.certify(NAME, |_| {})).await;
    let mut stage = stage("shared", &server, Some(&authority)).await;
    let lee = Principal::new("acme".parse().unwrap(), "lee".parse().unwrap());
    let connection = NewConnection {
        key: ConnectionKey::new(lee.tenant.clone(), lee.user.clone(), "misbehaves"),
        secret: api_key_canary("lee").into(),
        kind: CredentialKind::ApiKey,
        granted_scopes: None,
        base: Some(server.base.clone()),
        account: None,
    };
    stage.host.vault().connect(connection).unwrap();
    for _ in 0..2 {
        thing(&stage).await.unwrap();
        let call = Call::new("misbehaves_do", json!({ "how": "thing", "with": "1" })).unwrap();
        stage.host.call(&lee, call).await.unwrap();
    }
    // The same user with another credential is another user to the upstream.
    stage.connect("misbehaves", &api_key_canary("replaced"), CredentialKind::ApiKey, None, &server.base).unwrap();
    thing(&stage).await.unwrap();
    let kinds: Vec<_> = server.handshakes.lock().unwrap().iter().map(|handshake| handshake.kind).collect();
    assert_eq!(kinds, [HandshakeKind::Full; 3], "one connection each, and none resumes another's session");
}

#[test]
fn what_is_no_certificate_is_no_root() {
    let refused = Stage::configured("http://127.0.0.1:1", Limits::default(), |builder| {
        match builder.operator_root_certificate(b"not a certificate") {
            Err(error @ HostError::RootCertificate { .. }) => {
                assert_eq!(error.code(), "root_certificate_invalid");
                Err(error)
            }
            _ => panic!("it was taken"),
        }
    });
    assert!(refused.is_err());
}
