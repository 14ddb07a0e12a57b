//! Supply chain: what may be loaded, and that what is loaded is what was approved.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use toolkeep_host::HostError;
use toolkeep_tests::{bombs, guest};

use crate::arena::{Arena, limits};
use crate::case::{Case, Category, case};

const CATEGORY: Category = Category::SupplyChain;
pub(super) const NOWHERE: &str = "http://127.0.0.1:1";

/// A component that imports what it must not.
macro_rules! import {
    ($id:literal, $guest:literal, $attack:literal, $name:literal) => {
        case!(
            $id,
            $guest,
            $attack,
            "imports are on a short list, and what is not is refused by its name",
            "host/runtime/src/contract.rs",
            imports,
            $name
        )
    };
}

/// A declaration that is refused.
macro_rules! declares {
    ($id:literal, $attack:literal, $file:literal, $declaration:literal, $field:literal) => {
        case!(
            $id,
            "greedy_declaration",
            $attack,
            "such a declaration is refused, with the name of the field",
            $file,
            declares,
            $declaration,
            $field
        )
    };
}

pub(crate) const CASES: &[Case] = &[
    import!("load/sockets", "raw_sockets", "imports TCP", "wasi:sockets/tcp-create-socket"),
    import!("load/datagrams", "raw_datagrams", "imports UDP", "wasi:sockets/udp-create-socket"),
    import!(
        "load/name-lookup",
        "name_lookup",
        "imports the resolver, to carry data out in names",
        "wasi:sockets/ip-name-lookup"
    ),
    import!("load/files", "opens_files", "imports a file system through its standard library", "wasi:filesystem/types"),
    import!(
        "load/directories",
        "opens_directory",
        "imports the directories that a host might have opened",
        "wasi:filesystem/preopens"
    ),
    import!(
        "load/unknown-import",
        "undeclared_import",
        "imports what nobody knows, in case some host links it",
        "evil:keep/keys"
    ),
    import!(
        "load/lookalike-import",
        "lookalike_import",
        "imports an interface whose name begins like an allowed one",
        "wasi:http/outgoing-handler-unchecked"
    ),
    import!("load/function-import", "bare_function_import", "imports a function instead of an interface", "system"),
    case!(
        "load/no-exports",
        "exports_nothing",
        "exports nothing",
        "it is no connector",
        "host/runtime/src/contract.rs",
        refused_as,
        &["wrong_exports"]
    ),
    case!(
        "load/wrong-types",
        "wrong_types",
        "exports the right names with the wrong types",
        "types are checked before anything is called",
        "host/runtime/src/component.rs",
        refused_as,
        &["wrong_exports", "describe_failed"]
    ),
    case!(
        "load/traps",
        "traps_at_start",
        "traps as soon as it is made",
        "it does not load",
        "host/runtime/src/component.rs",
        refused_as,
        &["describe_failed"]
    ),
    case!(
        "load/foreign-route",
        "describes_itself_wrongly",
        "declares a route at an origin that it does not declare",
        "the description is refused",
        "host/runtime/src/description/check.rs",
        refused_as,
        &["description_invalid"]
    ),
    declares!(
        "load/declares-authorization",
        "declares Authorization as a header of its own to set",
        "host/policy/src/headers.rs",
        "request-header=authorization",
        "origins[0].request-headers"
    ),
    declares!(
        "load/declares-from",
        "declares From as a header of its own to set",
        "host/policy/src/headers.rs",
        "request-header=from",
        "origins[0].request-headers"
    ),
    declares!(
        "load/declares-range",
        "declares Range as a header of its own to set",
        "host/policy/src/headers.rs",
        "request-header=range",
        "origins[0].request-headers"
    ),
    declares!(
        "load/declares-override",
        "declares a method override as a header of its own to set",
        "host/policy/src/headers.rs",
        "request-header=x-http-method-override",
        "origins[0].request-headers"
    ),
    declares!(
        "load/header-remote-user",
        "declares the header by which a proxy names the user as a header of its own to set",
        "host/policy/src/headers.rs",
        "request-header=remote-user",
        "origins[0].request-headers"
    ),
    declares!(
        "load/header-proxies",
        "declares a header by which a proxy names another path as a header of its own to set",
        "host/policy/src/headers.rs",
        "request-header=x-envoy-original-path",
        "origins[0].request-headers"
    ),
    declares!(
        "load/declares-set-cookie",
        "declares Set-Cookie as a header to see",
        "host/policy/src/headers.rs",
        "response-header=set-cookie",
        "origins[0].response-headers"
    ),
    declares!(
        "load/declares-location",
        "declares Location as a header to see",
        "host/policy/src/headers.rs",
        "response-header=location",
        "origins[0].response-headers"
    ),
    declares!(
        "load/account-in-host",
        "declares Host as a header that carries its account",
        "host/runtime/src/description/check.rs",
        "account-header=host",
        "origins[0].account-headers"
    ),
    declares!(
        "load/credential-in-host",
        "declares Host as the header of its credential",
        "host/runtime/src/description/check.rs",
        "credential-header=host",
        "credentials[0].header"
    ),
    declares!(
        "load/credential-in-own",
        "declares a header that it may set as its credential's",
        "host/runtime/src/description/check.rs",
        "credential-header=x-mine",
        "credentials[0].header"
    ),
    declares!(
        "load/credential-prefix",
        "puts a line end before its credential",
        "host/runtime/src/description/check.rs",
        "credential-prefix=xCRLFy: ",
        "credentials[0].prefix"
    ),
    declares!(
        "load/token-url-without-tls",
        "declares a token endpoint without TLS",
        "host/policy/src/target.rs",
        "token-url=http://fixture.example/token",
        "credentials[1].token-url"
    ),
    declares!(
        "load/alternative-by-address",
        "declares an address as another base",
        "host/policy/src/target.rs",
        "alternative=https://169.254.169.254",
        "origins[0].alternatives"
    ),
    declares!(
        "load/alternative-without-tls",
        "declares another base without TLS",
        "host/policy/src/target.rs",
        "alternative=http://other.example",
        "origins[0].alternatives"
    ),
    declares!(
        "load/base-by-address",
        "declares an address as its base",
        "host/policy/src/target.rs",
        "base=https://127.0.0.1",
        "origins[0].base"
    ),
    declares!(
        "load/base-with-user",
        "declares a base with user information",
        "host/policy/src/target.rs",
        "base=https://fixture.example@evil.example",
        "origins[0].base"
    ),
    declares!(
        "load/route-climbs",
        "declares a route with dot segments",
        "host/policy/src/route.rs",
        "route=/things/../users",
        "tools[0].routes[1].path"
    ),
    declares!(
        "load/route-of-everything",
        "declares a route of any depth",
        "host/policy/src/route.rs",
        "route=/{all}*",
        "tools[0].routes[1].path"
    ),
    declares!(
        "load/method-tunnel",
        "declares CONNECT as its method",
        "host/policy/src/route.rs",
        "method=CONNECT",
        "tools[0].routes[1].method"
    ),
    declares!(
        "load/identify-deletes",
        "declares a DELETE for its identification, which runs when a user connects",
        "host/runtime/src/description/check.rs",
        "identify=DELETE",
        "identification.routes[1].method"
    ),
    declares!(
        "load/tool-of-another",
        "declares a tool by the name of another connector's",
        "host/runtime/src/description/check.rs",
        "tool=pagerduty_incidents_list",
        "tools[0].name"
    ),
    declares!(
        "load/long-title",
        "declares a title of five thousand bytes",
        "host/runtime/src/description/check.rs",
        "title-bytes=5000",
        "tools[0].title"
    ),
    declares!(
        "load/many-tools",
        "declares two hundred tools",
        "host/runtime/src/description/check.rs",
        "tools=200",
        "tools"
    ),
    case!(
        "load/schema-circle",
        "costly_schema",
        "declares a schema that leads in a circle",
        "schemas are bounded when they are loaded",
        "host/runtime/src/schema.rs",
        refused_as,
        &["description_invalid"]
    ),
    case!(
        "load/endless-description",
        "endless_description",
        "declares a hundred thousand tools",
        "a description has so many tools and so many bytes",
        "host/runtime/src/description/check.rs",
        refused_as,
        &["description_invalid", "describe_failed"]
    ),
    case!(
        "load/same-name",
        "fixture",
        "is loaded under the name of another component, with other bytes",
        "one name has one set of bytes",
        "host/runtime/src/load.rs",
        same_name
    ),
    case!(
        "load/not-a-component",
        nobody,
        "is a text, a program, a core module or half a component",
        "it is refused as no component",
        "host/runtime/src/bounds.rs",
        not_a_component
    ),
    case!(
        "load/composed",
        nobody,
        "is put together from components, whose parts the engine joins with code of its own",
        "it is refused before anything is compiled",
        "host/runtime/src/bounds.rs",
        composed
    ),
    case!(
        "load/too-large",
        nobody,
        "is a file larger than a component may be",
        "it is refused before it is looked at",
        "host/runtime/src/component.rs",
        too_large
    ),
];

/// The component with one text of its data in the place of another, filled up with spaces: nothing else of it
/// changes.
pub(crate) fn replaced(wasm: &[u8], mark: &str, text: &str) -> Result<Vec<u8>> {
    ensure!(text.len() <= mark.len(), "{text:?} is longer than {mark:?}");
    let found: Vec<usize> = memchr::memmem::find_iter(wasm, mark.as_bytes()).collect();
    ensure!(!found.is_empty(), "the component does not hold {mark:?}");
    let mut changed = wasm.to_vec();
    for at in found {
        let place = changed.get_mut(at..at + mark.len()).context("within the component")?;
        place.fill(b' ');
        place.iter_mut().zip(text.bytes()).for_each(|(byte, new)| *byte = new);
    }
    Ok(changed)
}

async fn imports(arena: Arc<Arena>, name: &str) -> Result<()> {
    let scene = arena.empty(NOWHERE, limits(), |builder| builder)?;
    match scene.refused(&guest(arena.guest()?)?).await? {
        HostError::ImportNotLinked { names } => {
            ensure!(names.iter().any(|found| found.starts_with(name)), "{name} is not named: {names:?}");
        }
        other => bail!("{other}"),
    }
    ensure!(scene.stage.host.connectors().is_empty(), "it is loaded all the same");
    Ok(())
}

async fn refused_as(arena: Arc<Arena>, codes: &[&str]) -> Result<()> {
    let scene = arena.empty(NOWHERE, limits(), |builder| builder)?;
    let error = scene.refused(&guest(arena.guest()?)?).await?;
    ensure!(codes.contains(&error.code()), "{}: {error}", error.code());
    ensure!(scene.stage.host.connectors().is_empty(), "it is loaded all the same");
    Ok(())
}

async fn declares(arena: Arc<Arena>, declaration: &str, expected: &str) -> Result<()> {
    let scene = arena.empty(NOWHERE, limits(), |builder| builder)?;
    let wasm = guest(arena.guest()?)?;
    // Unchanged it loads, so it is the declaration that is refused.
    scene.stage.host.inspect(&wasm).await?;
    let mark = format!("{:96}", "redteam-slot:plain");
    match scene.refused(&replaced(&wasm, &mark, &format!("redteam-slot:{declaration}"))?).await? {
        HostError::DescriptionInvalid { field, reason } => {
            ensure!(field.starts_with(expected), "{field} instead of {expected}: {reason}");
            Ok(())
        }
        other => bail!("{other}"),
    }
}

async fn same_name(arena: Arc<Arena>) -> Result<()> {
    let scene = arena.empty(NOWHERE, limits(), |builder| builder)?;
    scene.load("fixture").await?;
    let loaded = scene.stage.host.connectors().first().map(|connector| connector.digest.clone());
    // A custom section changes the bytes and nothing else.
    let mut other = guest("fixture")?;
    other.extend_from_slice(&[0, 3, 1, b'x', b'y']);
    let error = scene.refused(&other).await?;
    ensure!(error.code() == "connector_name_taken", "{error}");
    let still = scene.stage.host.connectors().first().map(|connector| connector.digest.clone());
    ensure!(loaded == still, "another component is in its place");
    Ok(())
}

async fn not_a_component(arena: Arc<Arena>) -> Result<()> {
    let scene = arena.empty(NOWHERE, limits(), |builder| builder)?;
    let fixture = guest("fixture")?;
    let half = fixture.get(..fixture.len() / 2).unwrap_or_default();
    let mut bent = fixture.clone();
    if let Some(byte) = bent.get_mut(fixture.len() / 3) {
        *byte ^= 0xff;
    }
    for bytes in [&b""[..], b"#!/bin/sh\n", b"(component)", b"\x7fELF\x02\x01\x01", b"\0asm\x01\0\0\0", half] {
        let error = scene.refused(bytes).await?;
        ensure!(["not_a_component", "wrong_exports"].contains(&error.code()), "{}: {error}", error.code());
    }
    // A flipped byte may land in a text, which is another component; it is never run as the first one.
    if let Ok(connector) = scene.stage.host.inspect(&bent).await {
        let digest = scene.stage.host.inspect(&fixture).await?.digest;
        ensure!(connector.digest != digest, "two sets of bytes have one digest");
    }
    Ok(())
}

async fn composed(arena: Arc<Arena>) -> Result<()> {
    // A cache of its own: what is in a cache is not looked at again.
    let folder = tempfile::tempdir()?;
    let scene = arena.in_cache(NOWHERE, limits(), folder.path().join("cache"), |builder| builder)?;
    let inner = wat::parse_str("(component (component (core module (func))))")?;
    for wasm in [inner, bombs::adapters(1, 2)?.wasm] {
        let error = scene.refused(&wasm).await?;
        ensure!(error.code() == "component_composed", "{}: {error}", error.code());
    }
    Ok(())
}

async fn too_large(arena: Arc<Arena>) -> Result<()> {
    let mut small = limits();
    small.component_bytes = 64 << 10;
    let scene = arena.empty(NOWHERE, small, |builder| builder)?;
    let error = scene.refused(&guest("fixture")?).await?;
    ensure!(error.code() == "component_too_large", "{error}");
    let error = scene.stage.host.load_file("/dev/zero".as_ref()).await.err().context("an endless file was loaded")?;
    ensure!(error.code() == "component_too_large", "{error}");
    Ok(())
}
