//! Reflection, the second line: an upstream that transforms the credential at will has told it to the component, as
//! no host can prevent. It must still not come out of the component as it is.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use hostile_upstream::{Behaviour, Chunks, Echo, Form, HostileUpstream, Place, What};

use crate::arena::{Arena, expect_code, said};
use crate::case::{Case, Category, case};
use crate::upstreams::{had_the_canary, start};

const CATEGORY: Category = Category::Reflection;

/// The component has the credential and puts it there: the call fails.
macro_rules! fails {
    ($id:literal, $attack:literal, $how:literal) => {
        case!(
            $id,
            "unmasks",
            $attack,
            "what a component returns is looked through before anybody sees it",
            "host/runtime/src/call/run.rs",
            comes_out,
            $how,
            Some("credential_reflected")
        )
    };
}

pub(crate) const CASES: &[Case] = &[
    fails!("unmasked/result", "has learnt the credential and answers with it", "result"),
    fails!("unmasked/member-name", "answers with it as the name of a member", "member"),
    fails!("unmasked/text", "answers with it in a part of text", "text"),
    fails!("unmasked/image", "answers with it in the bytes of a picture", "image"),
    fails!("unmasked/uri", "answers with it in the URI of a document", "uri"),
    fails!("unmasked/error", "answers with it in the text of an error", "error"),
    fails!("unmasked/candidates", "answers with it in the JSON of an error", "candidates"),
    case!(
        "unmasked/panic",
        "unmasks",
        "panics with the credential as its words",
        "a trap's words are the engine's, and the streams lead nowhere",
        "host/runtime/src/instance.rs",
        comes_out,
        "panic",
        Some("connector_failed"),
    ),
    case!(
        "unmasked/print",
        "unmasks",
        "prints the credential",
        "a component's streams lead nowhere",
        "host/runtime/src/instance.rs",
        comes_out,
        "print",
        None,
    ),
    case!(
        "unmasked/log",
        "unmasks",
        "writes the credential into the operator's log",
        "a line that holds it is dropped",
        "host/runtime/src/telling.rs",
        comes_out,
        "log",
        None,
    ),
    case!(
        "unmasked/progress",
        "unmasks",
        "reports the credential as progress",
        "a report that holds it is dropped",
        "host/runtime/src/telling.rs",
        comes_out,
        "progress",
        None,
    ),
    case!(
        "unmasked/account",
        "unmasks",
        "gives the credential out as the connected account's identifier",
        "an account is looked through like an answer",
        "host/runtime/src/call/answer.rs",
        account,
    ),
    case!(
        "unmasked/path",
        "unmasks",
        "sends the credential as a path, so that it stands in the audit log",
        "the call fails, and what it wrote into the request is not written down",
        "host/runtime/src/gate.rs",
        in_a_path,
    ),
];

/// A cipher: no search can know them all.
fn enciphered() -> Behaviour {
    Behaviour::Echo(Echo { what: What::Token, place: Place::Body, form: Form::Xor(0x2a), chunks: Chunks::Whole })
}

async fn comes_out(arena: Arc<Arena>, how: &str, code: Option<&str>) -> Result<()> {
    arena.guest_knows_the_canary();
    let upstream = start(&arena, enciphered()).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let result = scene.call(how, "").await;
    match (result, code) {
        (Err(error), Some(code)) => ensure!(error.code() == code, "it failed with {error}"),
        (Ok(answer), None) => ensure!(said(&answer)?.is_empty(), "{answer:?}"),
        (Ok(answer), Some(_)) => bail!("it was answered: {answer:?}"),
        (Err(error), None) => bail!("{error}"),
    }
    knew(&arena, &upstream)
}

/// That the component had the credential, and so could have given it out: or nothing was tried.
fn knew(arena: &Arena, upstream: &HostileUpstream) -> Result<()> {
    ensure!(had_the_canary(arena, upstream), "the credential did not arrive, so nothing was tried");
    ensure!(arena.memory_held_the_canary(), "the component did not learn the credential");
    Ok(())
}

async fn account(arena: Arc<Arena>) -> Result<()> {
    arena.guest_knows_the_canary();
    let upstream = start(&arena, enciphered()).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    match scene.identify().await {
        Ok(account) => bail!("it was told: {account:?}"),
        Err(error) => ensure!(error.code() == "credential_reflected", "it failed with {error}"),
    }
    knew(&arena, &upstream)
}

async fn in_a_path(arena: Arc<Arena>) -> Result<()> {
    arena.guest_knows_the_canary();
    let upstream = start(&arena, enciphered()).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    expect_code(scene.call("send", "").await, &["credential_in_request"])?;
    let record = format!("{:?}", scene.stage.records()?);
    ensure!(record.contains("credential_in_request"), "the record does not say so: {record}");
    knew(&arena, &upstream)
}
