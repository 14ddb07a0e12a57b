//! Destination: where a request may go, whatever the component calls it.

use std::sync::Arc;

use anyhow::{Result, ensure};
use hostile_upstream::{Behaviour, HostileUpstream, Redirect};
use toolkeep_host::{Answer, CallError};

use crate::arena::{Arena, Scene, expect_code, said};
use crate::case::{Case, Category, case};
use crate::upstreams::start;

const CATEGORY: Category = Category::Destination;

/// Where URLs are read.
macro_rules! target {
    ($id:literal, $guest:literal, $attack:literal, $defence:literal, $with:expr, $codes:expr) => {
        case!($id, $guest, $attack, $defence, "host/policy/src/target.rs", never_leaves, "", $with, $codes)
    };
}

pub(crate) const CASES: &[Case] = &[
    case!(
        "destination/unlisted-host",
        "unlisted_host",
        "asks for a host that it did not declare",
        "only declared origins are dialled",
        "host/policy/src/egress.rs",
        never_leaves,
        "",
        "https://evil.example/things/1",
        &["origin_not_declared"],
    ),
    case!(
        "destination/token-endpoint",
        "unlisted_host",
        "sends to the token endpoint that its credential names",
        "an OAuth endpoint is no origin",
        "host/policy/src/egress.rs",
        never_leaves,
        "",
        "https://identity.fixture.example/token",
        &["origin_not_declared"],
    ),
    case!(
        "destination/real-base",
        "unlisted_host",
        "names the real base of its user's connection",
        "only the host maps declared origins to real ones",
        "host/policy/src/target.rs",
        never_leaves,
        "",
        "https://127.0.0.1:8080/things/1",
        &["url_ip_literal"],
    ),
    target!(
        "destination/ip-dotted",
        "ip_literals",
        "asks for 127.0.0.1",
        "no IP literal is dialled",
        "127.0.0.1",
        LITERAL
    ),
    target!(
        "destination/ip-decimal",
        "ip_literals",
        "asks for an address as one decimal number",
        "no IP literal is dialled",
        "2130706433",
        LITERAL
    ),
    target!(
        "destination/ip-octal",
        "ip_literals",
        "asks for an address in octal",
        "no IP literal is dialled",
        "0177.0.0.01",
        LITERAL
    ),
    target!(
        "destination/ip-hex",
        "ip_literals",
        "asks for an address in hexadecimal",
        "no IP literal is dialled",
        "0x7f.0.0.1",
        LITERAL
    ),
    target!(
        "destination/ip-hex-number",
        "ip_literals",
        "asks for an address as one hexadecimal number",
        "no IP literal is dialled",
        "0x7f000001",
        LITERAL
    ),
    target!(
        "destination/ip-short",
        "ip_literals",
        "asks for an address of two numbers",
        "no IP literal is dialled",
        "127.1",
        LITERAL
    ),
    target!(
        "destination/ip-metadata",
        "ip_literals",
        "asks for the metadata service",
        "no IP literal is dialled",
        "169.254.169.254",
        LITERAL
    ),
    target!(
        "destination/ip-v6",
        "ip_literals",
        "asks for the IPv6 loopback address",
        "no IP literal is dialled",
        "[::1]",
        LITERAL
    ),
    target!(
        "destination/ip-v4-in-v6",
        "ip_literals",
        "asks for an IPv4 address inside an IPv6 one",
        "no IP literal is dialled",
        "[::ffff:169.254.169.254]",
        LITERAL
    ),
    target!(
        "destination/ip-zone",
        "ip_literals",
        "asks for a link-local address with a zone",
        "no IP literal is dialled",
        "[fe80::1%25eth0]",
        LITERAL
    ),
    target!(
        "destination/localhost",
        "ip_literals",
        "asks for a name without a dot",
        "names have two labels at least",
        "localhost",
        &["url_host"]
    ),
    target!(
        "destination/user-information",
        "confusing_authority",
        "puts its own host before an @ and a stranger's behind it",
        "user information is refused",
        "fixture.example@evil.example",
        &["url_user_information"]
    ),
    target!(
        "destination/password",
        "confusing_authority",
        "puts a name and a password into the URL",
        "user information is refused",
        "user:password@fixture.example",
        &["url_user_information"]
    ),
    case!(
        "destination/suffix",
        "confusing_authority",
        "begins a stranger's host like its own",
        "hosts are compared whole",
        "host/policy/src/egress.rs",
        never_leaves,
        "",
        "fixture.example.evil.example",
        &["origin_not_declared"],
    ),
    case!(
        "destination/prefix",
        "confusing_authority",
        "ends a stranger's host like its own",
        "hosts are compared whole",
        "host/policy/src/egress.rs",
        never_leaves,
        "",
        "evil-fixture.example",
        &["origin_not_declared"],
    ),
    case!(
        "destination/subdomain",
        "confusing_authority",
        "asks for a host below its own",
        "hosts are compared whole",
        "host/policy/src/egress.rs",
        never_leaves,
        "",
        "evil.fixture.example",
        &["origin_not_declared"],
    ),
    target!(
        "destination/trailing-dot",
        "confusing_authority",
        "ends its host with a dot",
        "a name has one spelling",
        "fixture.example.",
        &["url_host"]
    ),
    case!(
        "destination/port",
        "confusing_authority",
        "asks for another port of its own host",
        "the port is part of the origin",
        "host/policy/src/egress.rs",
        never_leaves,
        "",
        "fixture.example:8443",
        &["origin_not_declared"],
    ),
    target!(
        "destination/port-overflow",
        "confusing_authority",
        "asks for port 65979, which wraps to 443",
        "a port has at most 65535",
        "fixture.example:65979",
        &["url_port"]
    ),
    target!(
        "destination/foreign-letters",
        "confusing_authority",
        "writes its host with a Cyrillic letter",
        "names are ASCII",
        "fixtur\u{435}.example",
        &["url_host"]
    ),
    case!(
        "destination/punycode",
        "confusing_authority",
        "writes a name that is shown like its own, in punycode",
        "hosts are compared whole",
        "host/policy/src/egress.rs",
        never_leaves,
        "",
        "xn--fixtur-gvf.example",
        &["origin_not_declared"],
    ),
    target!(
        "destination/backslash",
        "confusing_authority",
        "ends its host with a backslash, which some read as a slash",
        "such a URL is refused",
        "fixture.example\\@evil.example",
        &["url_user_information", "url_path", "url_host", "url_character"]
    ),
    case!(
        "destination/case-and-default-port",
        "confusing_authority",
        "writes its own host in capitals and with the default port",
        "it is the same origin, and is sent in the host's spelling",
        "host/policy/src/target.rs",
        canonical,
    ),
    target!(
        "destination/http",
        "downgrades_scheme",
        "asks for its own host without TLS",
        "only https leaves",
        "http",
        &["url_scheme"]
    ),
    target!(
        "destination/ftp",
        "downgrades_scheme",
        "asks for its own host over ftp",
        "only https leaves",
        "ftp",
        &["url_scheme"]
    ),
    target!("destination/file", "downgrades_scheme", "asks for a file", "only https leaves", "file", &["url_scheme"]),
    case!(
        "destination/redirects",
        "follows_redirects",
        "its upstream redirects to another host, in every way",
        "redirects are not followed, and their target is not shown",
        "host/runtime/src/gate.rs",
        redirects,
    ),
    case!(
        "destination/redirect-with-body",
        "follows_redirects",
        "its upstream asks for a write to be repeated elsewhere, with its body",
        "redirects are not followed: a write is sent once",
        "host/runtime/src/gate.rs",
        redirect_with_body,
    ),
    case!(
        "destination/connect",
        "wild_methods",
        "asks for a tunnel",
        "only declarable methods are sent",
        "host/policy/src/route.rs",
        never_leaves,
        "",
        "CONNECT",
        METHOD
    ),
    case!(
        "destination/trace",
        "wild_methods",
        "asks the upstream to repeat the request, credential and all",
        "only declarable methods are sent",
        "host/policy/src/route.rs",
        never_leaves,
        "",
        "TRACE",
        METHOD
    ),
    case!(
        "destination/options",
        "wild_methods",
        "asks with a method that no route may name",
        "only declarable methods are sent",
        "host/policy/src/route.rs",
        never_leaves,
        "",
        "OPTIONS",
        METHOD
    ),
    case!(
        "destination/invented-method",
        "wild_methods",
        "makes a method up",
        "only declarable methods are sent",
        "host/policy/src/route.rs",
        never_leaves,
        "",
        "STEAL",
        METHOD
    ),
    case!(
        "destination/lower-case-method",
        "wild_methods",
        "writes its method in lower case",
        "methods are compared as they are",
        "host/policy/src/route.rs",
        never_leaves,
        "",
        "get",
        METHOD
    ),
    case!(
        "destination/second-origin",
        "second_origin",
        "asks for its own second origin, which has no credential",
        "the credential goes to the origin that it is bound to",
        "host/runtime/src/gate.rs",
        second_origin,
    ),
    case!(
        "destination/unnamed-base",
        "unlisted_host",
        "its user's connection names a base that nobody allowed",
        "a base is declared, or the operator's",
        "host/runtime/src/call/authorize.rs",
        unnamed_base,
    ),
];

const LITERAL: &[&str] = &["url_ip_literal"];
const METHOD: &[&str] = &["method_never_sent"];

/// The request is refused with one of these codes, or cannot even be made; and nothing reaches the upstream.
pub(crate) async fn never_leaves(arena: Arc<Arena>, how: &str, with: &str, codes: &[&str]) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    // These attack with a write, which their other tool declares.
    let verb = if arena.guest()? == "framing_tricks" { "make" } else { "do" };
    let result = scene.call_tool(verb, how, with).await;
    refused(&scene, &upstream, result, codes)
}

/// What [`never_leaves`] requires of a call that was made.
pub(crate) fn refused(
    scene: &Scene,
    upstream: &HostileUpstream,
    result: Result<Answer, CallError>,
    codes: &[&str],
) -> Result<()> {
    match result {
        // The host's HTTP types did not take it: it never became a request.
        Ok(answer) => {
            let told = said(&answer)?;
            let never_made = ["refused: ", "fields: ", "trailers: "].iter().any(|word| told.starts_with(word));
            ensure!(never_made, "the component was answered: {told}");
        }
        failed => {
            expect_code(failed, codes)?;
            let shown = scene.stage.exchanges.all();
            ensure!(shown.iter().all(|exchange| exchange.sent.is_none()), "an exchange was sent: {shown:?}");
        }
    }
    ensure!(upstream.requests().is_empty(), "it left: {:?}", upstream.requests());
    Ok(())
}

async fn canonical(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let told = said(&scene.call("", "FIXTURE.example:443").await?)?;
    ensure!(told.starts_with("answered: 200"), "{told}");
    let asked = upstream.requests();
    let host = asked.first().and_then(|request| request.header("host")).unwrap_or_default();
    let real = upstream.base_url();
    ensure!(asked.len() == 1 && real.ends_with(&*String::from_utf8_lossy(host)), "{asked:?}");
    Ok(())
}

async fn redirects(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    for redirect in Redirect::ALL {
        upstream.set(Behaviour::Redirect(redirect));
        let result = scene.call("", "1").await;
        let asked = upstream.take_requests();
        ensure!(asked.len() == 1, "{redirect:?}: {} requests were made", asked.len());
        ensure!(asked.iter().all(|request| !request.followed_redirect), "{redirect:?} was followed");
        match result {
            Ok(answer) => {
                let told = said(&answer)?.to_ascii_lowercase();
                ensure!(!told.contains("location:") && !told.contains("refresh:"), "{redirect:?} was shown: {told}");
            }
            Err(error) => ensure!(error.code() == "credential_reflected", "{redirect:?}: {error}"),
        }
    }
    Ok(())
}

async fn redirect_with_body(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    for redirect in [Redirect::ElsewhereWithBody, Redirect::ElsewhereWithBodyPermanently, Redirect::Itself] {
        upstream.set(Behaviour::Redirect(redirect));
        let told = said(&scene.call_tool("make", "", "").await?)?;
        ensure!(told.starts_with("answered: 30"), "{redirect:?}: {told}");
        let asked = upstream.take_requests();
        ensure!(asked.len() == 1 && asked.iter().all(|request| !request.followed_redirect), "{redirect:?}: {asked:?}");
    }
    Ok(())
}

async fn second_origin(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.empty(&upstream.base_url(), crate::arena::limits(), |builder| {
        // Nothing is to leave this machine.
        builder.resolver(Arc::new(super::resolving::Nowhere))
    })?;
    scene.connect("second_origin", Some(&upstream.base_url()))?;
    scene.load("second_origin").await?;
    let told = said(&scene.call("", "").await?)?;
    ensure!(told.starts_with("failed: "), "{told}");
    ensure!(upstream.requests().is_empty(), "the request for one origin went to the other");
    let shown = scene.stage.exchanges.all();
    let sent = shown.iter().filter_map(|exchange| exchange.sent.as_ref()).map(ToString::to_string);
    let sent: Vec<String> = sent.collect();
    ensure!(sent.len() == 1, "{shown:?}");
    ensure!(!sent.iter().any(|request| request.contains(toolkeep_host::MASK)), "it had a credential: {sent:?}");
    Ok(())
}

async fn unnamed_base(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.empty("http://127.0.0.1:1", crate::arena::limits(), |builder| builder)?;
    scene.connect("unlisted_host", Some(&upstream.base_url()))?;
    scene.load("unlisted_host").await?;
    expect_code(scene.call("", "https://fixture.example/things/1").await, &["connection_mismatch"])?;
    ensure!(upstream.requests().is_empty(), "it left");
    Ok(())
}
