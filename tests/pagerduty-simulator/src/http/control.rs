//! The control surface under `/_simulator`, for tests in another process. It needs no token, answers
//! loopback callers only, and is not part of PagerDuty.

use super::App;
use super::answer::control as answer;
use super::faults::{Fault, FaultKind};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use serde_json::{Value, json};
use std::net::SocketAddr;

pub(super) fn serve(app: &App, peer: SocketAddr, parts: &Parts, body: &Bytes) -> Response {
    if !peer.ip().to_canonical().is_loopback() {
        return answer(StatusCode::NOT_FOUND, &json!({"error": "the control surface answers loopback callers only"}));
    }
    let path = parts.uri.path().trim_start_matches("/_simulator").trim_matches('/');
    match (parts.method.as_str(), path) {
        ("GET", "" | "health") => {
            answer(StatusCode::OK, &json!({"status": "ok", "simulates": "PagerDuty REST API v2"}))
        }
        ("GET", "clock") => answer(StatusCode::OK, &json!({"now": crate::clock::Zone::UTC.show(app.clock.now_s())})),
        ("GET", "faults") => answer(StatusCode::OK, &json!({"faults": app.faults.waiting()})),
        ("POST", "faults") => inject(app, body),
        ("DELETE", "faults") => {
            app.faults.clear();
            answer(StatusCode::OK, &json!({"faults": []}))
        }
        ("GET", "requests") => answer(StatusCode::OK, &json!({"requests": requests(app)})),
        ("DELETE", "requests") => {
            app.recorder.clear();
            answer(StatusCode::OK, &json!({"requests": []}))
        }
        ("GET", "webhook_subscriptions") => {
            let state = app.state();
            let subscriptions = &state.webhook_subscriptions;
            answer(StatusCode::OK, &json!({"count": subscriptions.len(), "webhook_subscriptions": subscriptions}))
        }
        _ => answer(StatusCode::NOT_FOUND, &json!({"error": "no such control; see the crate's README"})),
    }
}

fn inject(app: &App, body: &Bytes) -> Response {
    let fault: Fault = match serde_json::from_slice(body) {
        Ok(fault) => fault,
        Err(error) => return answer(StatusCode::BAD_REQUEST, &json!({"error": format!("not a fault: {error}")})),
    };
    let allowed = match fault.kind {
        FaultKind::Status { status, .. } | FaultKind::ArrayError { status } => (400..=599).contains(&status),
        FaultKind::Html { status } => (200..=599).contains(&status),
        _ => true,
    };
    if !allowed {
        return answer(
            StatusCode::BAD_REQUEST,
            &json!({"error": "the status must be 400 to 599 (200 to 599 for html)"}),
        );
    }
    let told = json!({"fault": fault});
    app.faults.inject(fault);
    answer(StatusCode::CREATED, &told)
}

/// The recorded requests, their authorization values masked: this surface is open to every local process.
fn requests(app: &App) -> Vec<Value> {
    app.recorder
        .all()
        .iter()
        .map(|request| {
            json!({
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "headers": request.masked_headers(),
                "body": String::from_utf8_lossy(&request.body),
            })
        })
        .collect()
}
