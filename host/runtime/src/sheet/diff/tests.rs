//! What a comparison of two sheets must and must not call wider.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what failed by panicking")]

use serde_json::{Value, json};

use super::*;

fn sheet() -> Value {
    json!({
        "digest": "aa", "wasm_bytes": 1, "imports": ["wasi:http/types@0.2.12"],
        "name": "desk", "version": "1.2.0", "title": "Desk", "description": "A desk.",
        "origins": [{
            "name": "api", "base": "https://api.desk.example", "alternatives": ["https://eu.desk.example"],
            "request_headers": ["x-page"], "response_headers": ["x-next"],
            "account_headers": [{ "name": "from", "field": "email" }]
        }],
        "credentials": [
            { "kind": { "oauth2": {
                "authorize_url": "https://desk.example/a", "token_url": "https://desk.example/t",
                "revoke_url": null, "scopes": ["read"] } },
              "origin": "api", "header": "authorization", "prefix": "Bearer " },
            { "kind": { "api_key": { "hint": "In your profile" } },
              "origin": "api", "header": "authorization", "prefix": "Token " }
        ],
        "identification": { "scopes": ["read"], "routes": ["GET api:/me"] },
        "tools": [{
            "name": "desk_list", "title": "List", "description": "Lists.",
            "input_schema": { "type": "object" }, "access": "read", "idempotent": true,
            "scopes": ["read"], "routes": ["GET api:/tickets", "GET api:/tickets/{id}"]
        }],
        "prompts": [{ "name": "open", "title": "Open", "description": "", "arguments": [], "text": "What is open?" }]
    })
}

fn parsed(value: &Value) -> CapabilitySheet {
    serde_json::from_value(value.clone()).unwrap()
}

/// The changes after `edit`, as `effect field: before -> after`.
fn changes(edit: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut after = sheet();
    edit(&mut after);
    let diff = parsed(&sheet()).diff(&parsed(&after));
    diff.changes.iter().map(|change| format!("{:?} {change}", change.effect)).collect()
}

fn set(pointer: &str, value: Value) -> impl FnOnce(&mut Value) {
    let pointer = pointer.to_owned();
    move |sheet| *sheet.pointer_mut(&pointer).unwrap_or_else(|| panic!("no {pointer}")) = value
}

#[test]
fn a_sheet_survives_being_written_and_read() {
    let read = parsed(&sheet());
    assert_eq!(parsed(&serde_json::to_value(&read).unwrap()), read);
    assert_eq!(parsed(&serde_json::from_str(&read.pinned()).unwrap()).pinned(), read.pinned());
}

#[test]
fn the_same_sheet_has_no_changes() {
    assert!(changes(|_| ()).is_empty());
    // Other bytes that say the same: the digest is compared elsewhere.
    assert!(changes(set("/digest", json!("bb"))).is_empty());
}

#[test]
fn everything_that_reaches_further_widens() {
    for (pointer, value, expected) in [
        ("/imports", json!(["wasi:http/types@0.2.12", "wasi:random/random@0.2.12"]), "imports: + wasi:random"),
        ("/origins/0/base", json!("https://api.evil.example"), "origins.api.base"),
        (
            "/origins/0/alternatives",
            json!(["https://eu.desk.example", "https://us.desk.example"]),
            "origins.api.alternatives: + https://us.desk.example",
        ),
        ("/origins/0/request_headers", json!(["x-page", "x-admin"]), "origins.api.request_headers: + x-admin"),
        ("/origins/0/response_headers", json!(["x-next", "x-key"]), "origins.api.response_headers: + x-key"),
        ("/origins/0/account_headers/0/field", json!("id"), "origins.api.account_headers: + from = id"),
        ("/credentials/0/header", json!("x-token"), "credentials.oauth2.sent"),
        ("/credentials/0/kind/oauth2/token_url", json!("https://evil.example/t"), "credentials.oauth2.token_url"),
        ("/credentials/0/kind/oauth2/revoke_url", json!("https://e.example/r"), "credentials.oauth2.revoke_url: +"),
        ("/credentials/0/kind/oauth2/scopes", json!(["read", "admin"]), "credentials.oauth2.scopes: + admin"),
        ("/identification/routes", json!(["GET api:/me", "POST api:/me"]), "identification.routes: + POST api:/me"),
        ("/identification/scopes", json!(["read", "users"]), "identification.scopes: + users"),
        ("/tools/0/access", json!("write"), "tools.desk_list.access: read -> write"),
        ("/tools/0/routes/1", json!("DELETE api:/tickets/{id}"), "tools.desk_list.routes: + DELETE"),
        ("/tools/0/scopes", json!(["read", "write"]), "tools.desk_list.scopes: + write"),
        ("/version", json!("1.1.9"), "version (a step back): 1.2.0 -> 1.1.9"),
    ] {
        let changes = changes(set(pointer, value));
        assert!(
            changes.iter().any(|change| change.starts_with(&format!("Widens {expected}"))),
            "{expected}: {changes:#?}"
        );
    }
}

#[test]
fn a_new_tool_shows_all_that_it_may_do() {
    let changes = changes(|sheet| {
        let tool = json!({
            "name": "desk_wipe", "title": "", "description": "", "input_schema": { "type": "object" },
            "access": "destructive", "idempotent": false, "scopes": ["admin"], "routes": ["DELETE api:/tickets"]
        });
        sheet["tools"].as_array_mut().unwrap().push(tool);
    });
    assert_eq!(
        changes,
        [
            "Widens tools.desk_wipe: + destructive",
            "Widens tools.desk_wipe.routes: + DELETE api:/tickets",
            "Widens tools.desk_wipe.scopes: + admin"
        ]
    );
}

#[test]
fn giving_something_up_narrows_and_words_are_words() {
    assert_eq!(
        changes(set("/tools/0/routes", json!(["GET api:/tickets"]))),
        ["Narrows tools.desk_list.routes: - GET api:/tickets/{id}"]
    );
    assert_eq!(changes(set("/tools", json!([]))), ["Narrows tools.desk_list: - read"]);
    for (pointer, value) in [
        ("/version", json!("1.3.0")),
        ("/title", json!("Other")),
        ("/tools/0/description", json!("Lists more.")),
        ("/tools/0/input_schema", json!({ "type": "object", "properties": {} })),
        ("/prompts/0/text", json!("What is closed?")),
        ("/credentials/1/kind/api_key/hint", json!("Elsewhere")),
    ] {
        let changes = changes(set(pointer, value));
        assert!(changes.len() == 1 && changes[0].starts_with("Text "), "{pointer}: {changes:#?}");
    }
}

#[test]
fn what_widens_is_shown_first() {
    let changes = changes(|sheet| {
        sheet["title"] = json!("Other");
        sheet["tools"][0]["routes"] = json!(["POST api:/tickets"]);
    });
    assert!(changes[0].starts_with("Widens ") && changes.last().unwrap().starts_with("Text "), "{changes:#?}");
}
