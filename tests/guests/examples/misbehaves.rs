//! One tool, many ways to hurt the host or to break the contract: loops, memory, recursion, panics, floods,
//! malformed answers, forbidden headers, secrets sent back.

#![cfg(target_family = "wasm")]
#![allow(missing_docs, reason = "a guest's surface is its description")]
#![allow(clippy::panic, clippy::indexing_slicing, reason = "failing is what this guest is for")]

use serde::Deserialize;
use toolkeep_connector::bindings::toolkeep::connector::host;
use toolkeep_connector::bindings::wasi::clocks::monotonic_clock;
use toolkeep_connector::bindings::wasi::http::outgoing_handler;
use toolkeep_connector::bindings::wasi::http::types::{Fields, FutureIncomingResponse, Method, OutgoingRequest};
use toolkeep_connector::bindings::wasi::io::poll;
use toolkeep_connector::{schemars, *};
use toolkeep_guests::{Raw, raw};

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "toolkeep_connector::schemars")]
#[serde(deny_unknown_fields)]
struct Misbehave {
    /// How.
    how: String,
    /// With what: a URL, a header.
    with: Option<String>,
}

fn structured(text: impl Into<String>) -> Result<Output, ToolError> {
    Ok(Output { structured: Some(text.into()), content: Vec::new() })
}

#[allow(unconditional_recursion, reason = "using up the stack is what it is for")]
fn recurse(depth: u64) -> u64 {
    let waste = std::hint::black_box([depth; 64]);
    recurse(depth + 1) + waste[0]
}

fn misbehave(context: &mut Context, arguments: Misbehave) -> Result<Output, ToolError> {
    let with = arguments.with.unwrap_or_default();
    let (how, opens_body) = match arguments.how.strip_suffix("_bodiless") {
        Some(how) => (how, false),
        None => (arguments.how.as_str(), true),
    };
    let read = |url: String| if opens_body { Raw::get(url) } else { Raw::get(url).bodiless() };
    match how {
        "loop" => loop {
            std::hint::black_box(());
        },
        "sleep" => {
            monotonic_clock::subscribe_duration(3_600_000_000_000).block();
            structured("{}")
        }
        "memory" => {
            let mut hoard: Vec<Vec<u8>> = Vec::new();
            loop {
                hoard.push(std::hint::black_box(vec![1; 1 << 20]));
            }
        }
        "recurse" => structured(format!("{{\"depth\":{}}}", recurse(0))),
        "panic" => panic!("as asked"),
        "large_result" => structured(format!("{{\"text\":\"{}\"}}", "x".repeat(2 << 20))),
        "result_not_json" => structured("{\"a\":"),
        "result_not_object" => structured("[1,2]"),
        "log_flood" => {
            for number in 0..10_000 {
                host::log(host::Level::Error, &format!("line {number}\nlevel=error forged\u{1b}[31m"));
            }
            structured("{}")
        }
        "many_requests" => {
            let mut answers = 0;
            for _ in 0..1_000 {
                answers += u32::from(context.get("/things/{id}").path("id", "1").fetch::<serde_json::Value>().is_ok());
            }
            structured(format!("{{\"answers\":{answers}}}"))
        }
        "many_handles" => {
            let kept: Vec<Fields> = (0..1_000_000).map(|_| Fields::new()).collect();
            structured(format!("{{\"kept\":{}}}", kept.len()))
        }
        "get" => structured(serde_json::json!({ "said": read(with).ask() }).to_string()),
        "method" => {
            let said = Raw::get("https://fixture.example/things/1").method(&with).ask();
            structured(serde_json::json!({ "said": said }).to_string())
        }
        "header" => {
            let said = read("https://fixture.example/things/1".to_owned()).header_line(&with).ask();
            structured(serde_json::json!({ "said": said }).to_string())
        }
        "headers" => {
            // As many fields as it is told, all of one name.
            let count: u32 = with.parse().unwrap_or_default();
            let request = Raw::get("https://fixture.example/things/1");
            let said = (0..count).fold(request, |request, _| request.header("accept", "a")).ask();
            structured(serde_json::json!({ "said": said }).to_string())
        }
        "fire_and_forget" => {
            // The request leaves; the guest does not wait for what comes of it.
            let future = read(with).start();
            monotonic_clock::subscribe_duration(50_000_000).block();
            drop(future);
            structured("{}")
        }
        "ask_and_return" => {
            // Gone before it has given way for a moment.
            let _future = read(with).start();
            structured("{}")
        }
        "look_and_look" => {
            // Looks for the answer without ever waiting for it.
            let future = read(with).start().map_err(ToolError::Other)?;
            let said = loop {
                if let Some(said) = raw::taken(&future) {
                    break said;
                }
            };
            structured(serde_json::json!({ "said": said, "again": raw::taken(&future) }).to_string())
        }
        "look_late" => {
            // Waits for something else, for so many milliseconds, and then does not wait for the answer.
            let (url, ms) = with.split_once(' ').unwrap_or((&with, "0"));
            let future = read(url.to_owned()).start().map_err(ToolError::Other)?;
            monotonic_clock::subscribe_duration(ms.parse::<u64>().unwrap_or_default() * 1_000_000).block();
            structured(serde_json::json!({ "said": raw::taken(&future) }).to_string())
        }
        "drop_half_way" => {
            // One that was sent and is given up, then another.
            let given_up = read(with.clone()).start().map_err(ToolError::Other)?;
            monotonic_clock::subscribe_duration(50_000_000).block();
            drop(given_up);
            structured(serde_json::json!({ "said": read(with + "0").ask() }).to_string())
        }
        "several" => {
            // As many as it is told, and whichever is answered first.
            let count: usize = with.parse().unwrap_or_default();
            let begun = (0..count).map(|number| read(format!("https://fixture.example/things/{number}")).start());
            let mut waiting: Vec<_> = begun.collect::<Result<_, _>>().map_err(ToolError::Other)?;
            let mut said = Vec::new();
            while !waiting.is_empty() {
                let pollables: Vec<_> = waiting.iter().map(FutureIncomingResponse::subscribe).collect();
                let ready = poll::poll(&pollables.iter().collect::<Vec<_>>());
                drop(pollables);
                for at in ready.into_iter().rev() {
                    said.extend(raw::taken(&waiting.remove(at as usize)));
                }
            }
            structured(serde_json::json!({ "said": said }).to_string())
        }
        "unfinished_bodies" => {
            // Requests whose bodies are never finished, to fill whatever is kept of them.
            for _ in 0..400 {
                let fields = Fields::new();
                let request = OutgoingRequest::new(fields);
                let _ = request.set_method(&Method::Get);
                let _ = request.set_authority(Some("fixture.example"));
                let _ = request.set_path_with_query(Some("/things/1"));
                let body = request.body();
                let future = outgoing_handler::handle(request, None);
                drop(body);
                if let Ok(future) = future {
                    future.subscribe().block();
                }
            }
            let thing = context.get("/things/{id}").path("id", "2").fetch::<serde_json::Value>();
            structured(format!("{{\"sent\":{}}}", thing.is_ok()))
        }
        "thing" => {
            let thing: serde_json::Value = context.get("/things/{id}").path("id", with).fetch()?;
            structured(serde_json::json!({ "thing": thing }).to_string())
        }
        "error_text" => Err(ToolError::Other("x".repeat(1 << 20))),
        _ => Err(ToolError::InvalidArguments("how is none that I know".to_owned())),
    }
}

fn whoami(_: &mut Context) -> Result<Account, ToolError> {
    Ok(Account { id: "1\r\nx-evil: yes".to_owned(), name: "Nobody".to_owned(), email: None, time_zone: None })
}

static MISBEHAVES: Connector = Connector {
    name: "misbehaves",
    version: "1.0.0",
    title: "Misbehaves",
    description: "Breaks the rules as asked.",
    origins: &[Origin { base: "https://fixture.example", ..Origin::PLAIN }],
    credentials: &[Credential { kind: CredentialKind::ApiKey("any"), origin: "api", header: "x-api-key", prefix: "" }],
    identification: Identification { scopes: &[], routes: &[], run: whoami },
    errors: upstream_text,
    tools: &[Tool {
        name: "misbehaves_do",
        title: "Misbehave",
        description: "Misbehaves as asked.",
        access: Access::Read,
        idempotent: true,
        scopes: &[],
        routes: &[Route::get("/things/{id}")],
        handler: handler!(misbehave),
    }],
    prompts: &[],
};
toolkeep_connector::export!(MISBEHAVES);
