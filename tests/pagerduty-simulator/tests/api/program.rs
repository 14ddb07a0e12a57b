//! The program: says where it is, stops when told to.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn start(arguments: &[&str]) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pagerduty-simulator"))
        .args(["--listen", "127.0.0.1:0", "--incidents", "100"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().to_owned())
}

fn ends_soon(child: &mut Child) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    false
}

#[tokio::test]
async fn it_prints_its_url_serves_and_ends_with_its_standard_input() {
    let (mut child, url) = start(&["--exit-with-stdin", "--no-record"]);
    let health = reqwest::get(format!("{url}/_simulator/health")).await.unwrap();
    assert_eq!(health.status(), 200);
    assert_eq!(reqwest::get(format!("{url}/incidents")).await.unwrap().status(), 401);
    drop(child.stdin.take());
    assert!(ends_soon(&mut child));
}

#[test]
fn it_prints_json_and_ends_on_sigterm() {
    let (mut child, line) = start(&["--json", "--rate-limits", "--seed", "3"]);
    let url = serde_json::from_str::<Value>(&line).unwrap()["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"));
    drop(child.stdin.take());
    std::thread::sleep(Duration::from_millis(100));
    assert!(child.try_wait().unwrap().is_none(), "without the option a closed input does not matter");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(ends_soon(&mut child));
}

#[tokio::test]
async fn a_dropped_simulator_refuses_connections() {
    let pager = crate::client::Pager::start().await;
    let url = format!("{}/services", pager.simulator.base_url());
    assert_eq!(pager.get("/services").await.0, 200);
    drop(pager);
    let client = reqwest::Client::new();
    let start = Instant::now();
    while client.get(&url).send().await.is_ok() {
        assert!(start.elapsed() < Duration::from_secs(5), "still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
