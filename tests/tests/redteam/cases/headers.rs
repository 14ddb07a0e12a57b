//! Headers: identity, routing and framing are the host's to write.

use std::sync::Arc;

use anyhow::{Result, ensure};
use hostile_upstream::Behaviour;

use super::destination::{never_leaves, refused};
use crate::arena::{Arena, said};
use crate::case::{Case, Category, case};
use crate::upstreams::start;

const CATEGORY: Category = Category::Headers;

/// A header that is refused, whoever declares it.
macro_rules! owned {
    ($id:literal, $guest:literal, $attack:literal, $line:expr) => {
        case!(
            $id,
            $guest,
            $attack,
            "the header is the host's, and the request is refused",
            "host/policy/src/headers.rs",
            never_leaves,
            "",
            $line,
            &["header_host_owned"]
        )
    };
}

/// Control bytes that must not reach the wire.
macro_rules! control {
    ($id:literal, $attack:literal, $how:literal, $with:expr) => {
        case!(
            $id,
            "control_bytes",
            $attack,
            "no such byte becomes part of a request",
            "host/policy/src/target.rs",
            never_leaves,
            $how,
            $with,
            &[
                "url_character",
                "url_segment",
                "method_never_sent",
                "header_not_declared",
                "url_host",
                "connector_failed"
            ]
        )
    };
}

pub(crate) const CASES: &[Case] = &[
    owned!(
        "headers/authorization",
        "forges_credential",
        "brings an Authorization of its own",
        "Authorization: Bearer mine"
    ),
    owned!("headers/authorization-case", "forges_credential", "brings one in mixed case", "aUtHoRiZaTiOn: Bearer mine"),
    case!(
        "headers/authorization-twice",
        "forges_credential",
        "brings two of them",
        "the header is the host's, and the request is refused",
        "host/policy/src/headers.rs",
        never_leaves,
        "twice",
        "",
        &["header_host_owned"],
    ),
    case!(
        "headers/credential-header",
        "forges_credential",
        "sets the header that its own credential goes into",
        "a credential's header is the host's",
        "host/runtime/src/gate.rs",
        own_credential_header,
    ),
    case!(
        "headers/trailers",
        "forges_credential",
        "brings an Authorization in the trailers of a write",
        "a request with trailers is refused",
        "host/runtime/src/gate.rs",
        trailers,
    ),
    control!(
        "headers/line-end-in-value",
        "splits a request with CR LF in a header's value",
        "value",
        "x\r\nx-api-key: mine"
    ),
    control!("headers/lf-in-value", "splits a request with LF in a header's value", "value", "x\nauthorization: mine"),
    control!("headers/nul-in-value", "ends a header's value early with NUL", "value", "x\0y"),
    control!(
        "headers/line-end-in-name",
        "splits a request with CR LF in a header's name",
        "name",
        "x\r\nauthorization"
    ),
    control!("headers/space-in-name", "puts a space into a header's name", "name", "authorization "),
    control!("headers/colon-in-name", "puts a colon into a header's name", "name", "authorization: mine\r\nx"),
    control!(
        "headers/line-end-in-path",
        "splits the request line in its path",
        "path",
        " HTTP/1.1\r\nauthorization: mine\r\nx: "
    ),
    control!(
        "headers/line-end-in-method",
        "splits the request line in its method",
        "method",
        "GET /users HTTP/1.1\r\nx: "
    ),
    control!("headers/line-end-in-authority", "splits the request in its host", "authority", "\r\nauthorization: mine"),
    owned!(
        "headers/connection",
        "hop_by_hop",
        "names the credential's header in Connection",
        "Connection: x-api-key, authorization"
    ),
    owned!("headers/keep-alive", "hop_by_hop", "speaks to the next hop with Keep-Alive", "Keep-Alive: timeout=9999"),
    owned!(
        "headers/proxy-authorization",
        "hop_by_hop",
        "brings a Proxy-Authorization",
        "Proxy-Authorization: Basic eDp5"
    ),
    owned!("headers/te", "hop_by_hop", "asks for trailers to be passed on", "TE: trailers"),
    owned!("headers/via", "hop_by_hop", "says that it came through a proxy", "Via: 1.1 inside"),
    owned!("headers/upgrade", "framing_tricks", "asks for another protocol on the connection", "Upgrade: h2c"),
    owned!("headers/expect", "framing_tricks", "asks the upstream to wait for its body", "Expect: 100-continue"),
    owned!(
        "headers/transfer-encoding",
        "framing_tricks",
        "says that its body is in chunks",
        "Transfer-Encoding: chunked"
    ),
    case!(
        "headers/content-length",
        "framing_tricks",
        "lies about the length of its body",
        "the host frames what it sends",
        "host/runtime/src/gate.rs",
        content_length,
    ),
    case!(
        "headers/from",
        "spoofs_identity",
        "says in From that somebody else acts",
        "From is the connected account's, and the host writes it",
        "host/policy/src/headers.rs",
        spoofed_from,
    ),
    owned!("headers/cookie", "spoofs_identity", "brings a session in a cookie", "Cookie: session=1"),
    case!(
        "headers/host",
        "spoofs_identity",
        "names another host in Host",
        "Host is the host's to write",
        "host/runtime/src/gate.rs",
        spoofed_host,
    ),
    owned!(
        "headers/forwarded-for",
        "spoofs_identity",
        "says that it comes from the inside",
        "X-Forwarded-For: 127.0.0.1"
    ),
    owned!(
        "headers/forwarded-host",
        "spoofs_identity",
        "names another host in X-Forwarded-Host",
        "X-Forwarded-Host: evil.example"
    ),
    owned!(
        "headers/forwarded",
        "spoofs_identity",
        "says in Forwarded where it comes from",
        "Forwarded: for=127.0.0.1;host=evil.example"
    ),
    owned!("headers/original-url", "spoofs_identity", "rewrites the path in X-Original-URL", "X-Original-URL: /users"),
    owned!("headers/rewrite-url", "spoofs_identity", "rewrites the path in X-Rewrite-URL", "X-Rewrite-URL: /users"),
    owned!("headers/origin", "spoofs_identity", "says that a web page asks", "Origin: https://evil.example"),
    case!(
        "headers/undeclared",
        "spoofs_identity",
        "sets a header that its origin did not declare",
        "headers are declared like routes",
        "host/policy/src/headers.rs",
        never_leaves,
        "",
        "X-Impersonate-User: boss",
        &["header_not_declared"],
    ),
    case!(
        "headers/method-override",
        "overrides_method",
        "asks for a DELETE in a GET's header",
        "the header is the host's, and the request is refused",
        "host/policy/src/headers.rs",
        never_leaves,
        "",
        "X-HTTP-Method-Override",
        &["header_host_owned"],
    ),
    case!(
        "headers/method-override-short",
        "overrides_method",
        "asks for a DELETE in X-HTTP-Method",
        "the header is the host's, and the request is refused",
        "host/policy/src/headers.rs",
        never_leaves,
        "",
        "X-HTTP-Method",
        &["header_host_owned"],
    ),
    case!(
        "headers/method-override-other",
        "overrides_method",
        "asks for a DELETE in X-Method-Override",
        "the header is the host's, and the request is refused",
        "host/policy/src/headers.rs",
        never_leaves,
        "",
        "X-Method-Override",
        &["header_host_owned"],
    ),
    owned!(
        "headers/range",
        "slices_and_codings",
        "asks for slices, none of which holds the credential",
        "Range: bytes=0-15"
    ),
    owned!("headers/if-range", "slices_and_codings", "asks for slices with a condition", "If-Range: \"1\""),
    owned!(
        "headers/accept-encoding",
        "slices_and_codings",
        "asks for an answer that no scan can read",
        "Accept-Encoding: gzip"
    ),
];

async fn own_credential_header(arena: Arc<Arena>) -> Result<()> {
    let line = format!("{}: Bearer mine", crate::upstreams::credential_header(&arena));
    never_leaves(arena, "", &line, &["header_host_owned"]).await
}

async fn trailers(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let result = scene.call_tool("make", "trailers", "").await;
    refused(&scene, &upstream, result, &["trailers_not_sent"])
}

async fn content_length(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    for line in ["Content-Length: 5", "Content-Length: 5000", "Content-Length: 5, 5", "Content-Length: -1"] {
        let _whatever = scene.call_tool("make", "", line).await;
        let asked = upstream.take_requests();
        // The smuggled request is in the first one's body or nowhere.
        ensure!(asked.len() <= 1, "{line}: {asked:?}");
        for request in asked {
            ensure!(request.target == "/things" && request.body.starts_with(b"0\r\n\r\nGET"), "{line}: {request:?}");
            let lengths: Vec<_> = request.headers.iter().filter(|(name, _)| name == "content-length").collect();
            let true_length = request.body.len().to_string();
            ensure!(lengths.iter().all(|(_, value)| *value == true_length.as_bytes()), "{line}: {lengths:?}");
        }
    }
    Ok(())
}

async fn spoofed_from(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let result = scene.call("", "From: boss@fixture.example").await;
    refused(&scene, &upstream, result, &["header_host_owned"])?;
    // And what is sent names the account that the connection has.
    said(&scene.call("", "Accept: application/json").await?)?;
    let asked = upstream.requests();
    let from = asked.first().and_then(|request| request.header("from"));
    ensure!(from == Some(b"kim@fixture.example"), "{asked:?}");
    Ok(())
}

async fn spoofed_host(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let _whatever = scene.call("", "Host: evil.example").await;
    for request in upstream.requests() {
        let hosts: Vec<_> = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host")).collect();
        let own = upstream.base_url();
        ensure!(hosts.len() == 1, "{hosts:?}");
        ensure!(hosts.iter().all(|(_, value)| own.ends_with(&*String::from_utf8_lossy(value))), "{hosts:?}");
    }
    Ok(())
}
