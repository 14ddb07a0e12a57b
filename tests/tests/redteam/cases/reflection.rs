//! Reflection: the upstream is an accomplice, or careless, and gives the credential back.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use hostile_upstream::{Behaviour, Chunks, Echo, Form, Garbage, Place, What};

use crate::arena::{Arena, code, expect_code, said};
use crate::case::{Case, Category, case};
use crate::upstreams::{had_the_canary, start};

const CATEGORY: Category = Category::Reflection;

/// The credential comes back in a body, in one form, however the body is cut.
macro_rules! form {
    ($id:literal, $attack:literal, $form:expr) => {
        case!(
            $id,
            "reads_echo",
            $attack,
            "the answer is looked through whole, and dropped",
            "host/policy/src/secret_scan.rs",
            in_bodies,
            $form
        )
    };
}

/// The credential comes back at one place, as it is and in base64.
macro_rules! place {
    ($id:literal, $attack:literal, $place:expr) => {
        case!(
            $id,
            "reads_echo",
            $attack,
            "no place of an answer is left out of the search, or shown unsearched",
            "host/runtime/src/gate.rs",
            at_place,
            $place
        )
    };
}

/// An answer that is not whole, plain and framed as HTTP/1 frames it; and the code that is on record then.
macro_rules! odd {
    ($id:literal, $attack:literal, $defence:literal, $answer:literal, $code:literal) => {
        case!($id, "reads_echo", $attack, $defence, "host/runtime/src/gate/answer.rs", odd_answer, $answer, $code)
    };
}

pub(crate) const CASES: &[Case] = &[
    form!("reflection/raw", "its upstream sends the credential back as it came", Form::Raw),
    form!("reflection/percent", "its upstream sends it back percent-encoded", Form::Percent),
    form!("reflection/percent-lower", "its upstream sends it back percent-encoded in lower case", Form::PercentLower),
    form!("reflection/percent-all", "its upstream sends it back with every byte percent-encoded", Form::PercentAll),
    form!("reflection/json-escapes", "its upstream sends it back with JSON escapes", Form::JsonEscape),
    form!("reflection/json-escapes-all", "its upstream sends it back in nothing but JSON escapes", Form::JsonEscapeAll),
    form!("reflection/html-decimal", "its upstream sends it back in decimal HTML references", Form::HtmlDecimal),
    form!("reflection/html-hex", "its upstream sends it back in hexadecimal HTML references", Form::HtmlHex),
    form!("reflection/html-named", "its upstream sends it back in named HTML references", Form::HtmlNamed),
    form!("reflection/hex", "its upstream sends it back in hexadecimal", Form::HexLower),
    form!("reflection/hex-upper", "its upstream sends it back in capital hexadecimal", Form::HexUpper),
    form!("reflection/base64", "its upstream sends it back in base64", Form::Base64 { offset: 0 }),
    form!("reflection/base64-1", "its upstream sends it back in base64, one byte in", Form::Base64 { offset: 1 }),
    form!("reflection/base64-2", "its upstream sends it back in base64, two bytes in", Form::Base64 { offset: 2 }),
    form!("reflection/base64url", "its upstream sends it back in base64url", Form::Base64Url { offset: 0 }),
    form!(
        "reflection/base64url-1",
        "its upstream sends it back in base64url, one byte in",
        Form::Base64Url { offset: 1 }
    ),
    form!(
        "reflection/base64url-2",
        "its upstream sends it back in base64url, two bytes in",
        Form::Base64Url { offset: 2 }
    ),
    form!("reflection/utf16-le", "its upstream sends it back in UTF-16, little end first", Form::Utf16Le),
    form!("reflection/utf16-be", "its upstream sends it back in UTF-16, big end first", Form::Utf16Be),
    form!("reflection/upper-case", "its upstream sends it back in capitals", Form::UpperCase),
    form!("reflection/lower-case", "its upstream sends it back in small letters", Form::LowerCase),
    form!("reflection/swapped-case", "its upstream sends it back with the case of letters swapped", Form::SwapCase),
    place!("reflection/in-header", "its upstream sends it back in a header that the component may see", Place::Header),
    place!("reflection/in-header-name", "its upstream sends it back as the name of a header", Place::HeaderName),
    place!("reflection/in-cookie", "its upstream sends it back in Set-Cookie", Place::SetCookie),
    place!("reflection/in-location", "its upstream sends it back in Location", Place::Location),
    place!("reflection/in-status-text", "its upstream sends it back behind the status code", Place::StatusText),
    place!("reflection/in-trailer", "its upstream sends it back in a trailer", Place::Trailer),
    place!("reflection/in-error", "its upstream sends it back in the body of an error", Place::ErrorBody),
    case!(
        "reflection/whole-header",
        "reads_echo",
        "its upstream sends back the whole header, scheme and all",
        "the answer is looked through whole, and dropped",
        "host/policy/src/secret_scan.rs",
        whole_header,
    ),
    case!(
        "reflection/compressed",
        "reads_echo",
        "its upstream compresses what it sends back, although nobody asked for it",
        "an encoding that was not asked for is refused unread",
        "host/runtime/src/gate/answer.rs",
        compressed,
    ),
    odd!(
        "reflection/part",
        "its upstream sends a part of an answer, and says so in the status",
        "a part is refused: the credential may stand on its edge",
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/10\r\nContent-Length: 2\r\n\r\n{}",
        "response_partial"
    ),
    odd!(
        "reflection/part-unsaid",
        "its upstream sends a part of an answer, and says so in a header alone",
        "a part is refused: the credential may stand on its edge",
        "HTTP/1.1 200 OK\r\nContent-Range: bytes 0-1/10\r\nContent-Length: 2\r\n\r\n{}",
        "response_partial"
    ),
    odd!(
        "reflection/parts",
        "its upstream sends an answer in parts of its own choice",
        "a part is refused: the credential may stand on its edge",
        "HTTP/1.1 200 OK\r\nContent-Type: Multipart/ByteRanges; boundary=x\r\nContent-Length: 2\r\n\r\n{}",
        "response_partial"
    ),
    odd!(
        "reflection/framed-twice",
        "its upstream says in two ways where its answer ends",
        "an answer has one framing, or two readers read two bodies",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "response_framing"
    ),
    odd!(
        "reflection/transfer-coding",
        "its upstream compresses one layer below, where few look",
        "a coding that was not asked for is refused unread",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "response_framing"
    ),
    odd!(
        "reflection/upgrade",
        "its upstream leaves HTTP behind",
        "an answer ends its exchange",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n\r\nother",
        "response_status"
    ),
    case!(
        "reflection/stored",
        "reads_echo",
        "its upstream keeps one request and sends it back to the next",
        "every answer is looked through, not the next one alone",
        "host/runtime/src/gate.rs",
        stored,
    ),
    case!(
        "reflection/behind-much",
        "reads_echo",
        "its upstream sends it back behind a megabyte of other text, where a limit might cut it",
        "an answer is searched before any of it is cut",
        "host/runtime/src/gate.rs",
        behind_much,
    ),
    case!(
        "reflection/terminal-codes",
        "reads_echo",
        "its upstream sends terminal codes and bidirectional controls",
        "control characters do not reach the model or the caller",
        "host/runtime/src/text.rs",
        terminal_codes,
    ),
];

/// One exchange with an upstream that echoes: the canary arrived, and the call failed because it came back.
async fn dropped(arena: &Arc<Arena>, echo: Echo) -> Result<()> {
    let upstream = start(arena, Behaviour::Echo(echo)).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let failed = code(scene.call("", "1").await)?;
    ensure!(had_the_canary(arena, &upstream), "{echo:?}: the credential did not arrive, so nothing was tried");
    ensure!(failed == "credential_reflected", "{echo:?}: the call failed with {failed}");
    let records = scene.stage.records()?;
    ensure!(
        records.iter().any(|record| record.content.get("code").is_some_and(|code| code == "credential_reflected")),
        "{echo:?}: it is not on record"
    );
    Ok(())
}

async fn in_bodies(arena: Arc<Arena>, form: Form) -> Result<()> {
    let secret = arena.canary.secret.as_bytes();
    ensure!(form == Form::Raw || form.encode(secret) != secret, "{form:?} leaves this credential as it is");
    for chunks in [Chunks::Whole, Chunks::OneByte, Chunks::Sizes(7), Chunks::SplitInsideSecret] {
        dropped(&arena, Echo { what: What::Token, place: Place::Body, form, chunks }).await?;
    }
    // Bytes that are no text have no place in JSON.
    if !form.is_binary() {
        dropped(&arena, Echo { what: What::Token, place: Place::JsonBody, form, chunks: Chunks::Whole }).await?;
    }
    Ok(())
}

async fn at_place(arena: Arc<Arena>, place: Place) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    for form in [Form::Raw, Form::HexLower, Form::Base64Url { offset: 1 }] {
        // Names come in lower case, whatever was sent (`http::HeaderName`): base64 is no text that way any more.
        if place == Place::HeaderName && matches!(form, Form::Base64Url { .. }) {
            continue;
        }
        let _before = upstream.take_requests();
        upstream.set(Behaviour::Echo(Echo { what: What::Token, place, form, chunks: Chunks::Whole }));
        let result = scene.call("", "1").await;
        ensure!(had_the_canary(&arena, &upstream), "{form:?}: the credential did not arrive, so nothing was tried");
        // Also where it stands in what is never shown: an upstream that gives it back there is an accomplice.
        expect_code(result, &["credential_reflected"]).with_context(|| format!("{form:?}"))?;
    }
    Ok(())
}

async fn whole_header(arena: Arc<Arena>) -> Result<()> {
    for form in [Form::Raw, Form::Base64 { offset: 0 }, Form::PercentAll] {
        dropped(&arena, Echo { what: What::Value, place: Place::JsonBody, form, chunks: Chunks::Whole }).await?;
    }
    Ok(())
}

async fn compressed(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    for form in [Form::Gzip, Form::Deflate] {
        let echo = Echo { what: What::Token, place: Place::JsonBody, form, chunks: Chunks::Whole };
        upstream.set(Behaviour::Echo(echo));
        let told = said(&scene.call("", "1").await?)?;
        ensure!(told.starts_with("failed: "), "{form:?}: the component was given the answer: {told}");
        let errors = scene.request_errors()?;
        ensure!(errors.iter().all(|error| error == "response_encoding") && !errors.is_empty(), "{form:?}: {errors:?}");
        let asked = upstream.take_requests();
        let asked_for = asked.first().and_then(|request| request.header("accept-encoding"));
        ensure!(asked_for == Some(b"identity"), "{asked:?}");
    }
    Ok(())
}

async fn odd_answer(arena: Arc<Arena>, answer: &str, code: &str) -> Result<()> {
    let upstream = start(&arena, Behaviour::Bytes(answer.into())).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let told = said(&scene.call("", "1").await?)?;
    ensure!(had_the_canary(&arena, &upstream), "the credential did not arrive, so nothing was tried");
    ensure!(told.starts_with("failed: "), "the component was given the answer: {told}");
    let errors = scene.request_errors()?;
    ensure!(errors == [code], "it was stopped by {errors:?} instead of {code}");
    Ok(())
}

async fn stored(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::StoreAndReadBack).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let failed = code(scene.call("twice", "1").await)?;
    ensure!(upstream.requests().len() == 2, "{:?}", upstream.requests());
    ensure!(failed == "credential_reflected", "the call failed with {failed}");
    Ok(())
}

async fn behind_much(arena: Arc<Arena>) -> Result<()> {
    let secret = arena.canary.secret.clone();
    // An upstream that knows the credential from before.
    let text = serde_json::json!({ "text": format!("{}{secret}", "x".repeat(1 << 20)) });
    let upstream = start(&arena, Behaviour::Honest(text)).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let failed = code(scene.call("", "1").await)?;
    ensure!(failed == "credential_reflected", "the call failed with {failed}");
    Ok(())
}

async fn terminal_codes(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Garbage(Garbage::TerminalCodes)).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let answer = scene.call("", "1").await?;
    let shown = answer.structured.map(|raw| raw.get().to_owned()).unwrap_or_default();
    let value: serde_json::Value = serde_json::from_str(&shown)?;
    let text = value.get("said").and_then(|said| said.as_str()).unwrap_or_default();
    ensure!(text.starts_with("answered: 200"), "{text}");
    let unsafe_character =
        |c: char| (c.is_control() && c != '\n' && c != '\t') || "\u{202e}\u{2066}\u{e0041}".contains(c);
    ensure!(!text.chars().any(unsafe_character), "{text:?}");
    Ok(())
}
