//! Misbehaviour on demand, through the library and through the control surface.

use crate::client::{Pager, j_lee, read};
use pagerduty_simulator::{DEMO_USER_API_KEY, Fault, FaultKind};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn ask(pager: &Pager) -> Response {
    pager.request(Method::GET, "/incidents?limit=5").header("authorization", j_lee()).send().await.unwrap()
}

fn fault(kind: FaultKind) -> Fault {
    Fault::once("GET", "/incidents", kind)
}

#[tokio::test]
async fn every_status_comes_once_in_pagerdutys_shape() {
    let pager = Pager::start().await;
    for status in [400, 401, 402, 403, 404, 408, 409, 413, 429, 500, 502, 503] {
        pager.simulator.inject(fault(FaultKind::Status { status, bare: false }));
        let response = ask(&pager).await;
        assert_eq!(response.headers().contains_key("ratelimit-reset"), status == 429, "{status}");
        let (got, body) = read(response).await;
        assert_eq!(got, status);
        assert!(body["error"]["message"].is_string(), "{status}: {body}");
        assert_eq!(ask(&pager).await.status(), 200, "once only");
    }
}

#[tokio::test]
async fn a_429_can_come_with_nothing() {
    let pager = Pager::start().await;
    pager.simulator.inject(fault(FaultKind::Status { status: 429, bare: true }));
    let response = ask(&pager).await;
    assert_eq!(response.status(), 429);
    assert!(!response.headers().keys().any(|name| name.as_str().starts_with("ratelimit")));
    assert!(response.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn faults_match_method_and_path_and_are_counted() {
    let pager = Pager::start().await;
    let kind = FaultKind::Status { status: 500, bare: false };
    pager.simulator.inject(Fault { method: None, path_prefix: "/services".to_owned(), times: 2, kind: kind.clone() });
    pager.simulator.inject(Fault::once("POST", "/incidents", kind));
    assert_eq!(ask(&pager).await.status(), 200);
    assert_eq!(pager.get("/services").await.0, 500);
    assert_eq!(pager.get("/services/PX").await.0, 500);
    assert_eq!(pager.get("/services").await.0, 200);
    pager.simulator.clear_faults();
    assert_eq!(pager.post("/incidents", &json!({})).await.0, 400);
}

#[tokio::test]
async fn a_write_that_fails_on_demand_changes_nothing() {
    let pager = Pager::start().await;
    let path = format!("/incidents/{}", pager.id(4203).await);
    pager.simulator.inject(Fault::once("PUT", "/incidents", FaultKind::Status { status: 503, bare: false }));
    let body = json!({"incident": {"type": "incident", "status": "resolved"}});
    assert_eq!(pager.put(&path, &body).await.0, 503);
    assert_eq!(pager.incident(4203).await["status"], "triggered");
}

#[tokio::test]
async fn answers_can_be_late() {
    let pager = Pager::start().await;
    pager.simulator.inject(fault(FaultKind::Delay { delay_ms: 300 }));
    let start = Instant::now();
    assert_eq!(ask(&pager).await.status(), 200);
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn answers_can_break_off() {
    let pager = Pager::start().await;
    pager.simulator.inject(fault(FaultKind::CutOff { after_bytes: 1_000 }));
    let mut response = ask(&pager).await;
    assert_eq!(response.status(), 200);
    assert!(response.content_length().unwrap() > 5_000);
    let mut received = 0;
    let ended_well = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => received += chunk.len(),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    assert_eq!((received, ended_well), (1_000, false));
    assert_eq!(ask(&pager).await.status(), 200);
}

#[tokio::test]
async fn answers_can_be_html_broken_json_or_an_array_of_errors() {
    let pager = Pager::start().await;
    pager.simulator.inject(fault(FaultKind::Html { status: 200 }));
    let response = ask(&pager).await;
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(response.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    pager.simulator.inject(fault(FaultKind::InvalidJson));
    let response = ask(&pager).await;
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/json"));
    assert!(response.json::<Value>().await.is_err());
    pager.simulator.inject(fault(FaultKind::ArrayError { status: 400 }));
    let (status, body) = read(ask(&pager).await).await;
    assert_eq!(status, 400);
    assert!(body["error"][0].is_string());
}

#[tokio::test]
async fn answers_can_be_gigantic() {
    let pager = Pager::start().await;
    for bytes in [100, 30_000_000] {
        pager.simulator.inject(fault(FaultKind::Gigantic { bytes }));
        let response = ask(&pager).await;
        assert_eq!(response.content_length(), None);
        let body = response.bytes().await.unwrap();
        assert_eq!(body.len() as u64, bytes);
        assert!(serde_json::from_slice::<Value>(&body).is_ok());
    }
}

#[tokio::test]
async fn the_control_surface_does_the_same_without_a_token() {
    let pager = Pager::start().await;
    let control = async |method: Method, path: &str, body: Option<Value>| {
        let request = pager.request(method, path);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        read(request.send().await.unwrap()).await
    };
    assert_eq!(control(Method::GET, "/_simulator/health", None).await.0, 200);
    let wanted = json!({"method": "GET", "path_prefix": "/incidents", "kind": "status", "status": 429, "bare": true});
    assert_eq!(control(Method::POST, "/_simulator/faults", Some(wanted)).await.0, 201);
    let (_, waiting) = control(Method::GET, "/_simulator/faults", None).await;
    assert_eq!(waiting["faults"][0]["times"], 1);
    assert_eq!(ask(&pager).await.status(), 429);
    assert_eq!(ask(&pager).await.status(), 200);
    for wrong in [json!({"kind": "earthquake"}), json!({"kind": "status", "status": 200})] {
        assert_eq!(control(Method::POST, "/_simulator/faults", Some(wanted_with(wrong))).await.0, 400);
    }
    assert_eq!(control(Method::POST, "/_simulator/faults", Some(json!({"kind": "invalid_json"}))).await.0, 201);
    assert_eq!(control(Method::DELETE, "/_simulator/faults", None).await.0, 200);
    assert_eq!(ask(&pager).await.status(), 200);

    let (_, requests) = control(Method::GET, "/_simulator/requests", None).await;
    assert_eq!(requests["requests"].as_array().unwrap().len(), 3);
    assert_eq!(requests["requests"][0]["query"], "limit=5");
    assert!(!requests.to_string().contains(DEMO_USER_API_KEY));
    control(Method::DELETE, "/_simulator/requests", None).await;
    assert!(pager.simulator.requests().is_empty());
    let (_, webhooks) = control(Method::GET, "/_simulator/webhook_subscriptions", None).await;
    assert_eq!(webhooks["count"], 0);
    assert!(
        control(Method::GET, "/_simulator/clock", None).await.1["now"]
            .as_str()
            .unwrap()
            .starts_with("2026-11-20T12:00")
    );
    assert_eq!(control(Method::GET, "/_simulator/nothing", None).await.0, 404);
}

fn wanted_with(fields: Value) -> Value {
    let mut wanted = json!({"path_prefix": "/"});
    wanted.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    wanted
}

#[tokio::test]
async fn request_bodies_are_bounded() {
    let pager = Pager::start().await;
    let body = json!({"note": {"content": "x".repeat(2 * 1024 * 1024)}});
    let path = format!("/incidents/{}/notes", pager.id(4201).await);
    assert_eq!(pager.post(&path, &body).await.0, 413);
}
