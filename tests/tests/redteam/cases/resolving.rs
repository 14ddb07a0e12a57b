//! Destination, part two: names that resolve to where no request may go. The resolver is the attacker's.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use hostile_upstream::Behaviour;
use toolkeep_host::{Limits, Resolver};

use crate::arena::{Arena, Scene, expect_code, limits, said};
use crate::case::{Case, Category, case};
use crate::upstreams::{had_the_canary, start};

const CATEGORY: Category = Category::Destination;

/// A name that resolves to such an address.
macro_rules! address {
    ($id:literal, $attack:literal, $address:expr) => {
        case!(
            $id,
            "unlisted_host",
            $attack,
            "every address is checked before it is dialled",
            "host/policy/src/address.rs",
            private,
            $address
        )
    };
}

pub(crate) const CASES: &[Case] = &[
    address!("resolving/loopback", "its public name resolves to 127.0.0.1", &["127.0.0.1"]),
    address!("resolving/private", "its public name resolves to a private network", &["10.1.2.3"]),
    address!("resolving/shared", "its public name resolves to a provider's shared network", &["100.64.0.1"]),
    address!("resolving/link-local", "its public name resolves to a link-local address", &["169.254.1.1"]),
    address!("resolving/metadata", "its public name resolves to the metadata service", &["169.254.169.254"]),
    address!("resolving/this-network", "its public name resolves to 0.0.0.0, which is this machine", &["0.0.0.0"]),
    address!("resolving/v6-loopback", "its public name resolves to ::1", &["::1"]),
    address!(
        "resolving/v6-unique-local",
        "its public name resolves to a unique local IPv6 address",
        &["fd00:ec2::254"]
    ),
    address!(
        "resolving/v4-mapped",
        "its public name resolves to a private address mapped into IPv6",
        &["::ffff:127.0.0.1"]
    ),
    address!(
        "resolving/v4-compatible",
        "its public name resolves to a private address inside an IPv6 one",
        &["::10.0.0.1"]
    ),
    address!(
        "resolving/nat64",
        "its public name resolves to the metadata service behind NAT64",
        &["64:ff9b::a9fe:a9fe"]
    ),
    address!("resolving/6to4", "its public name resolves to a private address behind 6to4", &["2002:7f00:1::"]),
    address!("resolving/teredo", "its public name resolves to a Teredo address", &["2001:0:7f00:1::1"]),
    address!(
        "resolving/mixed",
        "its public name resolves to public addresses and a private one",
        &["8.8.8.8", "2600:1f14::1", "192.168.0.1"]
    ),
    case!(
        "resolving/rebinding",
        "asks_on",
        "its name resolves to an allowed address first and to another when it is dialled",
        "what was checked is what is dialled: names are resolved once for each connection",
        "host/runtime/src/resolver.rs",
        rebinding,
    ),
    case!(
        "resolving/giant-answer",
        "unlisted_host",
        "its public name resolves to a hundred thousand addresses, the last of them private",
        "an answer of so many addresses is not looked at",
        "host/runtime/src/resolver.rs",
        giant,
    ),
    case!(
        "resolving/never-answers",
        "unlisted_host",
        "its resolver never answers",
        "resolving has a time limit of its own",
        "host/runtime/src/resolver.rs",
        never,
    ),
    case!(
        "resolving/mixed-without-tls",
        "asks_on",
        "its operator's base without TLS resolves to this machine and to another",
        "what is not encrypted stays on the machine, and one bad address spoils an answer",
        "host/runtime/src/resolver.rs",
        mixed_without_tls,
    ),
    case!(
        "resolving/empty-answer",
        "unlisted_host",
        "its public name resolves to nothing",
        "the request fails as unreachable",
        "host/runtime/src/resolver.rs",
        empty,
    ),
];

type Addresses<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Knows no name.
pub(crate) struct Nowhere;

impl Resolver for Nowhere {
    fn resolve<'a>(&'a self, _: &'a str) -> Addresses<'a> {
        Box::pin(async { Err(io::Error::new(io::ErrorKind::NotFound, "no such name")) })
    }
}

/// Says of every name that it is this machine.
pub(crate) struct Loopback;

impl Resolver for Loopback {
    fn resolve<'a>(&'a self, _: &'a str) -> Addresses<'a> {
        Box::pin(async { Ok(vec![IpAddr::from([127, 0, 0, 1])]) })
    }
}

/// Gives each question the next answer, and the last one over and over.
struct Evil {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Resolver for Evil {
    fn resolve<'a>(&'a self, _: &'a str) -> Addresses<'a> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed).min(self.answers.len().saturating_sub(1));
        let answer = self.answers.get(number).cloned().unwrap_or_default();
        Box::pin(std::future::ready(Ok(answer)))
    }
}

struct Silent;

impl Resolver for Silent {
    fn resolve<'a>(&'a self, _: &'a str) -> Addresses<'a> {
        Box::pin(std::future::pending())
    }
}

/// A scene whose component talks to its declared base, by the name that the resolver resolves.
async fn scene(arena: &Arc<Arena>, resolver: Arc<dyn Resolver>, limits: Limits) -> Result<Scene> {
    let scene = arena.empty("http://127.0.0.1:1", limits, |builder| builder.resolver(resolver))?;
    scene.connect(arena.guest()?, None)?;
    scene.load(arena.guest()?).await?;
    Ok(scene)
}

fn addresses(texts: &[&str]) -> Result<Vec<IpAddr>> {
    texts.iter().map(|text| text.parse().context("an address of the test")).collect()
}

async fn private(arena: Arc<Arena>, texts: &[&str]) -> Result<()> {
    let evil = Arc::new(Evil { answers: vec![addresses(texts)?], asked: AtomicUsize::new(0) });
    let scene = scene(&arena, Arc::clone(&evil) as Arc<dyn Resolver>, limits()).await?;
    let result = scene.call("", "https://fixture.example/things/1").await;
    expect_code(result, &["address_not_public"])?;
    ensure!(evil.asked.load(Ordering::Relaxed) == 1, "the name was resolved more than once");
    let told = scene.progress.all().join("\n");
    ensure!(!texts.iter().any(|text| told.contains(text)), "the component was told the address: {told}");
    Ok(())
}

async fn rebinding(arena: Arc<Arena>) -> Result<()> {
    // A name that may lead to this machine alone, because the operator named its base without TLS: so the first
    // answer can be dialled here, and the second must not be.
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let base = upstream.base_url().replace("127.0.0.1", "localhost");
    let evil = Arc::new(Evil {
        answers: vec![addresses(&["127.0.0.1"])?, addresses(&["10.0.0.1"])?],
        asked: AtomicUsize::new(0),
    });
    let resolver = Arc::clone(&evil) as Arc<dyn Resolver>;
    let scene = arena.empty(&base, limits(), |builder| builder.resolver(resolver))?;
    scene.connect(arena.guest()?, Some(&base))?;
    scene.load(arena.guest()?).await?;
    // Three requests, each over a connection of its own.
    expect_code(scene.call("", "").await, &["address_not_public"])?;
    ensure!(had_the_canary(&arena, &upstream) && upstream.requests().len() == 1, "{:?}", upstream.requests());
    let asked = evil.asked.load(Ordering::Relaxed);
    ensure!(asked == 2, "two connections resolved their name {asked} times: what is checked is not what is dialled");
    Ok(())
}

async fn mixed_without_tls(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let base = upstream.base_url().replace("127.0.0.1", "localhost");
    // The first would do, and is never dialled.
    let evil = Evil { answers: vec![addresses(&["127.0.0.1", "10.0.0.1"])?], asked: AtomicUsize::new(0) };
    let scene = arena.empty(&base, limits(), |builder| builder.resolver(Arc::new(evil)))?;
    scene.connect(arena.guest()?, Some(&base))?;
    scene.load(arena.guest()?).await?;
    expect_code(scene.call("", "").await, &["address_not_public"])?;
    ensure!(upstream.requests().is_empty(), "it left: {:?}", upstream.requests());
    Ok(())
}

async fn giant(arena: Arc<Arena>) -> Result<()> {
    let mut answer: Vec<IpAddr> = vec!["8.8.8.8".parse()?; 100_000];
    answer.push("10.0.0.1".parse()?);
    let evil = Arc::new(Evil { answers: vec![answer], asked: AtomicUsize::new(0) });
    let scene = scene(&arena, evil as Arc<dyn Resolver>, limits()).await?;
    let told = said(&scene.call("", "https://fixture.example/things/1").await?)?;
    ensure!(told.starts_with("failed: "), "{told}");
    Ok(())
}

async fn never(arena: Arc<Arena>) -> Result<()> {
    let mut limits = limits();
    limits.connect_ms = 300;
    // So much later that what ended it is known.
    limits.upstream_ms = 20_000;
    let scene = scene(&arena, Arc::new(Silent), limits).await?;
    let told = said(&scene.call("", "https://fixture.example/things/1").await?)?;
    ensure!(told.starts_with("failed: "), "{told}");
    let errors = scene.request_errors()?;
    ensure!(errors == ["lookup_timeout"], "{errors:?}");
    Ok(())
}

async fn empty(arena: Arc<Arena>) -> Result<()> {
    let evil = Arc::new(Evil { answers: vec![Vec::new()], asked: AtomicUsize::new(0) });
    let scene = scene(&arena, evil as Arc<dyn Resolver>, limits()).await?;
    let told = said(&scene.call("", "https://fixture.example/things/1").await?)?;
    ensure!(told.starts_with("failed: "), "{told}");
    Ok(())
}
