//! JSON in the shape that APIs commonly answer in, guessed from the path of the request: good enough that a
//! client reads on and shows what it found.

use serde_json::{Map, Value, json};

use crate::request::ReceivedRequest;

/// Things that an item of an API refers to.
const REFERENCES: [&str; 14] = [
    "user",
    "owner",
    "author",
    "agent",
    "assignee",
    "service",
    "team",
    "account",
    "project",
    "schedule",
    "escalation_policy",
    "priority",
    "channel",
    "repository",
];
/// The ID of what nobody asked for by its own: capitals and digits, as most APIs have them.
const ID: &str = "PITEM01";
/// Segments that mean the caller and not a kind of thing.
const OWN: [&str; 4] = ["me", "self", "current", "whoami"];

/// An answer to a request, with `text` wherever an API would have somebody's words.
///
/// Each word of the path is taken for a kind of thing: `/incidents/P1/notes` has `incidents`, `incident`, `notes`
/// and `note`, and everything that an item has at its top, too.
pub(crate) fn answer(request: &ReceivedRequest, text: &str) -> Value {
    let mut answer = Map::new();
    let mut last = "item".to_owned();
    // Whoever asks for one thing by its ID gets it.
    let id = request.path().split('/').rfind(|segment| is_id(segment)).unwrap_or(ID);
    let written = written(request);
    let item = |kind: &str| {
        let mut item = item(kind, id, text);
        if let Some(members) = item.as_object_mut() {
            for (name, value) in &written {
                members.insert(name.clone(), value.clone());
            }
        }
        item
    };
    for word in request.path().split('/').filter(|segment| is_word(segment)) {
        let one = singular(word);
        let item = item(&one);
        answer.insert(word.to_owned(), json!([item]));
        if one != word {
            answer.insert(one.clone(), item);
        }
        last = one;
    }
    for list in ["data", "items", "results"] {
        answer.insert(list.to_owned(), json!([item(&last)]));
    }
    let top = json!({ "total": 1, "limit": 25, "offset": 0, "more": false, "has_more": false, "next": null });
    for part in [item(&last), top] {
        let Value::Object(members) = part else { continue };
        for (name, value) in members {
            answer.entry(name).or_insert(value);
        }
    }
    Value::Object(answer)
}

/// What a write set: the plain values of its JSON, by themselves or wrapped in the name of a kind. An API answers a
/// write with the thing as it is after it.
fn written(request: &ReceivedRequest) -> Map<String, Value> {
    let is_plain = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    let Ok(Value::Object(body)) = serde_json::from_slice(&request.body) else { return Map::new() };
    let mut written = Map::new();
    for (name, value) in body {
        match value {
            Value::Object(inner) => written.extend(inner.into_iter().filter(|(_, value)| is_plain(value))),
            value if is_plain(&value) => {
                written.insert(name, value);
            }
            _ => {}
        }
    }
    written
}

fn is_word(segment: &str) -> bool {
    !segment.is_empty()
        && !OWN.contains(&segment)
        && segment.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'-')
}

fn is_id(segment: &str) -> bool {
    segment.len() <= 64
        && segment.bytes().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn singular(word: &str) -> String {
    match (word.strip_suffix("ies"), word.strip_suffix("s")) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) if !stem.is_empty() => stem.to_owned(),
        _ => word.to_owned(),
    }
}

fn item(kind: &str, id: &str, text: &str) -> Value {
    let reference = |kind: &str| json!({ "id": "PREF01", "type": format!("{kind}_reference"), "summary": text, "name": text, "self": null, "html_url": null });
    let mut item = json!({
        "id": id,
        "type": kind,
        "number": 7,
        "key": "PITEM-01",
        "title": text,
        "name": text,
        "summary": text,
        "description": text,
        "content": text,
        "message": text,
        "text": text,
        "status": "active",
        "state": "open",
        "urgency": "high",
        "level": 1,
        "email": "someone@upstream.example",
        "login": "someone",
        "time_zone": "UTC",
        "created_at": "2026-11-20T09:00:00Z",
        "updated_at": "2026-11-20T09:05:00Z",
        "last_status_change_at": "2026-11-20T09:05:00Z",
        "start": "2026-11-20T09:00:00Z",
        "end": "2026-11-27T09:00:00Z",
        "self": null,
        "url": "https://upstream.example/PITEM01",
        "html_url": "https://upstream.example/PITEM01",
        "tags": [text],
        "assignments": [{ "at": "2026-11-20T09:00:00Z", "assignee": reference("user") }],
        "acknowledgements": [],
        "teams": [reference("team")],
        "color": "ff0000",
    });
    if let Some(members) = item.as_object_mut() {
        members.insert(format!("{kind}_number"), json!(7));
        for name in REFERENCES.iter().filter(|name| **name != kind) {
            members.insert((*name).to_owned(), reference(name));
        }
    }
    item
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test says what failed by panicking")]
    use super::*;

    fn request(target: &str) -> ReceivedRequest {
        ReceivedRequest {
            method: "GET".to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            followed_redirect: false,
            connection: 0,
        }
    }

    #[test]
    fn each_word_of_the_path_is_a_kind_of_thing() {
        let answer = super::answer(&request("/incidents/P1/notes?limit=5"), "words");
        assert_eq!(answer["incidents"][0]["title"], "words");
        assert_eq!(answer["incident"]["id"], "P1");
        assert_eq!(answer["incident"]["incident_number"], 7);
        assert_eq!(answer["notes"][0]["content"], "words");
        assert_eq!(answer["note"]["user"]["summary"], "words");
        assert_eq!(super::answer(&request("/escalation_policies"), "x")["escalation_policy"]["name"], "x");
        let me = super::answer(&request("/users/me"), "x");
        assert!(me.get("me").is_none());
        assert_eq!(me["user"]["name"], "x");
        assert_eq!(super::answer(&request("/"), "x")["id"], "PITEM01");
    }
    #[test]
    fn a_write_is_answered_with_what_it_set() {
        let body = br#"{"incident":{"type":"incident_reference","status":"resolved","service":{"id":"P2"}}}"#;
        let request = ReceivedRequest { method: "PUT".to_owned(), body: body.to_vec(), ..request("/incidents/P1") };
        let answer = super::answer(&request, "words");
        assert_eq!(answer["incident"]["status"], "resolved");
        assert_eq!(answer["incident"]["id"], "P1");
        assert_eq!(answer["incident"]["service"]["summary"], "words");
    }
}
