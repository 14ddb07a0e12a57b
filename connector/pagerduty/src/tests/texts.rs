//! Errors in all their forms, names, and stretches of time.

use serde_json::json;
use toolkeep_connector::{Context, Incoming, SendError, ToolError};

use super::{call, page, script};
use crate::PAGERDUTY;
use crate::errors::{Told, parse};
use crate::names::{Kind, choose, looks_like_identifier};
use crate::window::{Clock, Window};
use crate::wire::Named;

fn list_error(status: u16, body: &str) -> ToolError {
    let script = script().answer("GET /incidents", status, body);
    call(&script, "pagerduty_incidents_list", &json!({"status": "open"})).unwrap_err()
}

#[test]
fn error_bodies_are_read_in_every_form() {
    let told = |code: Option<i64>, text: &str| Some(Told { code, text: text.into(), required_scopes: None });
    assert_eq!(
        parse(br#"{"error":{"message":"Invalid","code":2001,"errors":["a","b"]}}"#),
        told(Some(2001), "Invalid; a; b")
    );
    assert_eq!(
        parse(br#"{"error":["links should have at most 50 item(s)"]}"#),
        told(None, "links should have at most 50 item(s)")
    );
    assert_eq!(parse(br#"{"error":"no"}"#), told(None, "no"));
    assert_eq!(parse(br#"{"errors":[{"message":"x"},7,null]}"#), told(None, "x"));
    assert_eq!(parse(br#"{"message":"m","code":"2010"}"#), told(Some(2010), "m"));
    for silent in [&b""[..], b"<html>", b"null", b"{}", b"[]", br#"{"error":null}"#, b"\xff\xfe"] {
        assert_eq!(parse(silent), None, "{silent:?}");
    }
}

#[test]
fn each_status_is_the_error_that_it_means() {
    let scope =
        list_error(403, r#"{"error":{"message":"Token missing required scopes","required_scopes":"incidents.read"}}"#);
    assert!(
        matches!(&scope, ToolError::Forbidden(text) if text.contains("incidents.read") && text.contains("scope")),
        "{scope:?}"
    );
    let role = list_error(403, r#"{"error":{"message":"Access Denied","code":2010}}"#);
    assert!(matches!(&role, ToolError::Forbidden(text) if text.contains("role")), "{role:?}");
    assert!(matches!(list_error(401, ""), ToolError::Unauthenticated(_)));
    assert!(matches!(list_error(402, r#"{"error":{"code":2014}}"#), ToolError::Forbidden(_)));
    assert!(
        matches!(list_error(400, r#"{"error":["x"]}"#), ToolError::InvalidArguments(text) if text.contains("\"x\""))
    );
    assert!(matches!(
        list_error(400, r#"{"error":{"message":"Requester User Not Found","code":1008}}"#),
        ToolError::Forbidden(_)
    ));
    assert!(matches!(list_error(413, ""), ToolError::InvalidArguments(_)));
    assert!(matches!(list_error(429, ""), ToolError::RateLimited(None)));
    assert!(matches!(list_error(500, "<html>oops</html>"), ToolError::Unavailable(_)));
    assert!(matches!(list_error(408, ""), ToolError::Unavailable(_)));
    assert!(matches!(list_error(302, ""), ToolError::Other(_)));
    assert!(matches!(list_error(200, "<html>log in</html>"), ToolError::Unavailable(text) if text.contains("JSON")));
    assert!(matches!(list_error(200, r#"{"incidents":[{"id":"Q1"#), ToolError::Unavailable(_)));
    assert!(matches!(list_error(200, r#"{"incidents":{}}"#), ToolError::Unavailable(_)));
}

#[test]
fn the_wait_comes_from_either_header() {
    for (name, seconds) in [("retry-after", "17"), ("ratelimit-reset", "17")] {
        let incoming = Incoming { status: 429, headers: vec![(name.into(), seconds.into())], body: Vec::new() };
        let script = script().answer_with("GET /incidents", incoming);
        let error = call(&script, "pagerduty_incidents_list", &json!({"status": "open"})).unwrap_err();
        assert!(matches!(error, ToolError::RateLimited(Some(17))), "{name}: {error:?}");
    }
}

#[test]
fn no_answer_is_told_by_its_cause() {
    let error = |cause: SendError| {
        let script = script().fail("GET /incidents", cause);
        call(&script, "pagerduty_incidents_list", &json!({"status": "open"})).unwrap_err()
    };
    assert!(matches!(error(SendError::Denied), ToolError::Forbidden(_)));
    assert!(matches!(error(SendError::Unreachable("x".into())), ToolError::Unavailable(_)));
    assert!(matches!(error(SendError::Interrupted("x".into())), ToolError::Unavailable(_)));
    assert!(matches!(error(SendError::TooLarge), ToolError::Other(_)));
}

fn named(id: &str, name: &str, email: Option<&str>) -> Named {
    Named { id: Some(id.into()), name: Some(name.into()), email: email.map(str::to_owned), ..Named::default() }
}

#[test]
fn exact_names_win_and_doubts_are_handed_back() {
    let rows =
        || vec![named("P1", "Payments", None), named("P2", "payments-eu", None), named("P3", "PAYMENTS EU", None)];
    let found = |text: &str| choose(Kind::Service, text, rows(), false).map(|found| found.and_then(|found| found.id));
    assert_eq!(found("payments").unwrap().as_deref(), Some("P1"));
    assert_eq!(found("Payments-EU").unwrap().as_deref(), Some("P2"));
    assert!(matches!(found("payments_eu"), Err(ToolError::Ambiguous(_))));
    assert!(matches!(found("pay"), Err(ToolError::Ambiguous(_))));
    assert_eq!(found("search").unwrap(), None);
    let people =
        vec![named("P1", "Kira Moore", Some("kira@acme.example")), named("P2", "Kira Stone", Some("ks@acme.example"))];
    let person = choose(Kind::User, "KIRA@acme.example", people.clone(), false).unwrap().unwrap();
    assert_eq!(person.id.as_deref(), Some("P1"));
    assert!(
        matches!(choose(Kind::User, "Kira", people, false), Err(ToolError::Ambiguous(text)) if text.contains("ks@acme.example"))
    );
}

#[test]
fn identifiers_are_told_from_names() {
    for id in ["PT4KHLK", "Q02JTSNZWHSEKV", "PABCDEF"] {
        assert!(looks_like_identifier(id), "{id}");
    }
    for name in ["payment-service", "Payments", "P1", "PAYMENT", "4201", "PAYMENTS-EU", "QABCDEFGHIJKLMNO"] {
        assert_eq!(looks_like_identifier(name), name == "PAYMENT", "{name}");
    }
}

#[test]
fn a_name_in_capitals_is_a_name_where_there_is_no_such_identifier() {
    let rows = [json!({"id": "PSERV07", "name": "Payment"})];
    let script = script()
        .answer("GET /services/PAYMENT", 404, "")
        .answer("GET /services?query=PAYMENT", 200, &page("services", &rows, false, None))
        .answer("GET /incidents?", 200, &page("incidents", &[], false, Some(0)));
    call(&script, "pagerduty_incidents_list", &json!({"status": "open", "service": "PAYMENT"})).unwrap();
    assert!(script.asked()[2].contains("service_ids[]=PSERV07"), "{:?}", script.asked());
}

/// The window that a period means at a moment in a zone, both ends written with their offsets.
fn period(now: &str, zone: &str, period: &str) -> (String, String) {
    let now: jiff::Timestamp = now.parse().unwrap();
    let environment = toolkeep_connector::testing::Script::at(now.as_millisecond()).environment();
    let clock = Clock::new(&Context::new(&PAGERDUTY, environment), Some(zone)).unwrap();
    let told = Window::read(&clock, Some(period), None, None).unwrap().told(&clock);
    (told.since.unwrap(), told.until)
}

#[test]
fn periods_follow_the_wall_clock_also_when_clocks_change() {
    let case = |now, zone, name, since: &str, until: &str| {
        assert_eq!(period(now, zone, name), (since.to_owned(), until.to_owned()), "{name} in {zone} at {now}");
    };
    // Berlin went back on 2026-10-25, a Sunday of 25 hours.
    let berlin = "Europe/Berlin";
    case("2026-10-25T22:30:00Z", berlin, "today", "2026-10-25T00:00:00+02:00", "2026-10-25T23:30:00+01:00");
    case("2026-10-26T05:00:00Z", berlin, "yesterday", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00");
    case("2026-10-25T22:30:00Z", berlin, "this_week", "2026-10-19T00:00:00+02:00", "2026-10-25T23:30:00+01:00");
    case("2026-10-26T05:00:00Z", berlin, "last_week", "2026-10-19T00:00:00+02:00", "2026-10-26T00:00:00+01:00");
    case("2026-11-22T10:00:00Z", berlin, "last month", "2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00");
    case("2026-01-15T10:00:00Z", berlin, "last_month", "2025-12-01T00:00:00+01:00", "2026-01-01T00:00:00+01:00");
    case("2026-02-15T10:00:00Z", berlin, "last_quarter", "2025-10-01T00:00:00+02:00", "2026-01-01T00:00:00+01:00");
    case("2026-11-22T10:00:00Z", berlin, "this_quarter", "2026-10-01T00:00:00+02:00", "2026-11-22T11:00:00+01:00");
    case("2026-11-22T10:00:00Z", berlin, "last_year", "2025-01-01T00:00:00+01:00", "2026-01-01T00:00:00+01:00");
    case("2026-10-26T10:00:00Z", berlin, "last_7_days", "2026-10-19T12:00:00+02:00", "2026-10-26T11:00:00+01:00");
    // In Los Angeles it is still the day before.
    case(
        "2026-11-22T06:00:00Z",
        "america/los_angeles",
        "today",
        "2026-11-21T00:00:00-08:00",
        "2026-11-21T22:00:00-08:00",
    );
    // Santiago's clocks jump over midnight: that day begins at one.
    case("2026-09-06T20:00:00Z", "America/Santiago", "today", "2026-09-06T01:00:00-03:00", "2026-09-06T17:00:00-03:00");
}

#[test]
fn ranges_are_read_in_the_users_zone_and_split() {
    let environment = script().environment();
    let clock = Clock::new(&Context::new(&PAGERDUTY, environment), None).unwrap();
    let range = Window::read(&clock, None, Some("2026-11-01"), Some("2026-11-02")).unwrap();
    assert_eq!(range.told(&clock).since.as_deref(), Some("2026-11-01T00:00:00+01:00"));
    assert_eq!(range.told(&clock).until, "2026-11-03T00:00:00+01:00", "a date as an end is the whole day");
    let range = Window::read(&clock, None, Some("2025-01-01T00:00:00Z"), None).unwrap();
    let chunks = range.chunks();
    assert_eq!(chunks.len(), 4);
    for (newer, older) in chunks.iter().zip(chunks.iter().skip(1)) {
        assert_eq!(newer.unwrap().0, older.unwrap().1, "no gap between requests");
    }
    assert!(chunks.iter().flatten().all(|(since, until)| until.0 - since.0 <= 180 * 86_400));
}

#[test]
fn identity_is_the_users_own() {
    let upstream = script().answer("GET /users/me", 200, r#"{"user":{"id":"PKIRA01","name":"Kira Moore","email":"kira@acme.example","time_zone":"Europe/Berlin","role":"manager"}}"#);
    let account = PAGERDUTY.identify(upstream.environment()).unwrap();
    assert_eq!(
        (account.id.as_str(), account.email.as_deref(), account.time_zone.as_deref()),
        ("PKIRA01", Some("kira@acme.example"), Some("Europe/Berlin"))
    );
    let upstream = script().answer("GET /users/me", 400, r#"{"error":{"message":"Account-wide token","code":2001}}"#);
    assert!(
        matches!(PAGERDUTY.identify(upstream.environment()), Err(ToolError::Forbidden(text)) if text.contains("account-wide"))
    );
}
