//! The behaviours as a client sees them, over real TCP.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test says what failed by panicking")]

use std::time::Duration;

use hostile_upstream::{Behaviour, Chunks, Config, Echo, Flood, Form, Garbage, HostileUpstream, Place, Slow, What};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TOKEN: &str = "y_Nb+XkKc66/ryYTWUXZZq";

/// Sends one request and gives the first `at_most` bytes of what comes back.
async fn ask(upstream: &HostileUpstream, target: &str, body: &str, at_most: usize) -> Vec<u8> {
    let address = upstream.base_url();
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let method = if body.is_empty() { "GET" } else { "POST" };
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = async {
        let mut piece = vec![0; 64 << 10];
        while answer.len() < at_most {
            match stream.read(&mut piece).await {
                Ok(count) if count > 0 => answer.extend_from_slice(&piece[..count]),
                _ => break,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap();
    answer
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// The data of a chunked message.
fn unchunked(answer: &[u8]) -> Vec<u8> {
    let at = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let (mut rest, mut data) = (&answer[at..], Vec::new());
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return data;
        }
        data.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
    }
}

#[tokio::test]
async fn an_echo_stands_where_it_should_in_every_form() {
    let upstream = HostileUpstream::start(Behaviour::Plausible).await.unwrap();
    let mut tried = 0;
    for behaviour in Behaviour::catalogue() {
        let Behaviour::Echo(echo) = behaviour else { continue };
        upstream.set(Behaviour::Echo(echo));
        let answer = ask(&upstream, "/things/1", "", usize::MAX).await;
        let name = Behaviour::Echo(echo).id();
        assert!(answer.starts_with(b"HTTP/1.1 "), "{name}");
        let form = echo.form.encode(if echo.what == What::Token { TOKEN.as_bytes() } else { &[] });
        if echo.what == What::Token && !echo.form.is_binary() {
            let seen = if echo.chunks == Chunks::Whole { answer.clone() } else { unchunked(&answer) };
            assert!(holds(&seen, &form), "{name}: {}", String::from_utf8_lossy(&answer));
            if echo.chunks != Chunks::Whole {
                assert!(!holds(&answer, &form), "{name}: no piece holds it");
            }
        }
        tried += 1;
    }
    assert!(tried > 250, "{tried}");
    assert_eq!(upstream.requests().len(), tried);
}

#[tokio::test]
async fn what_a_request_sent_comes_back_with_the_next() {
    let upstream = HostileUpstream::start(Behaviour::StoreAndReadBack).await.unwrap();
    let first = ask(&upstream, "/notes", "{\"note\":\"kept\"}", usize::MAX).await;
    assert!(!holds(&first, TOKEN.as_bytes()));
    let second = ask(&upstream, "/notes", "", usize::MAX).await;
    assert!(holds(&second, TOKEN.as_bytes()) && holds(&second, b"kept"));
    let asked = upstream.take_requests();
    assert_eq!((asked[0].method.as_str(), asked[0].body.as_slice()), ("POST", &b"{\"note\":\"kept\"}"[..]));
    assert_eq!(asked[1].header("authorization").unwrap(), format!("Bearer {TOKEN}").as_bytes());
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn floods_go_on_and_waits_end_with_the_client() {
    let upstream = HostileUpstream::start(Behaviour::Plausible).await.unwrap();
    for flood in [Flood::EndlessBody, Flood::EndlessBodyWithoutLength, Flood::HugeLength, Flood::EndlessHeaders] {
        upstream.set(Behaviour::Flood(flood));
        assert!(ask(&upstream, "/", "", 4 << 20).await.len() >= 4 << 20, "{flood:?}");
    }
    upstream.set(Behaviour::Flood(Flood::ManyHeaders));
    assert!(ask(&upstream, "/", "", usize::MAX).await.windows(2).filter(|pair| pair == b"X-").count() >= 10_000);
    upstream.set(Behaviour::Slow(Slow::Drip { every_ms: 1 }));
    assert!(holds(&ask(&upstream, "/", "", 300).await, b"\r\n\r\n{"), "the body comes, byte by byte");
    upstream.set(Behaviour::Slow(Slow::StallsInHead));
    let head = ask(&upstream, "/", "", 20).await;
    assert!(head.starts_with(b"HTTP/1.1 200") && !holds(&head, b"\r\n\r\n"));
}

#[tokio::test]
async fn garbage_is_what_it_says() {
    let upstream = HostileUpstream::start(Behaviour::Plausible).await.unwrap();
    for garbage in Garbage::ALL {
        upstream.set(Behaviour::Garbage(garbage));
        let answer = ask(&upstream, "/things", "", usize::MAX).await;
        let is_http = answer.starts_with(b"HTTP/1.1 ");
        match garbage {
            Garbage::Nothing => assert!(answer.is_empty()),
            Garbage::NotHttp | Garbage::Binary(_) | Garbage::Http09 | Garbage::Http99 => {
                assert!(!is_http, "{garbage:?}")
            }
            Garbage::NulInHeader => assert!(holds(&answer, b"a\0b")),
            Garbage::InformationalStorm => {
                assert_eq!(answer.windows(12).filter(|window| window == b"100 Continue").count(), 10_000);
            }
            _ => assert!(is_http, "{garbage:?}: {}", String::from_utf8_lossy(&answer)),
        }
    }
}

#[tokio::test]
async fn a_redirect_that_is_followed_is_seen() {
    let upstream = HostileUpstream::start(Behaviour::by_id("redirect-elsewhere").unwrap()).await.unwrap();
    let answer = String::from_utf8(ask(&upstream, "/", "", usize::MAX).await).unwrap();
    let location = answer.lines().find_map(|line| line.strip_prefix("Location: http://")).unwrap();
    assert_ne!(format!("http://{}", location.trim_end_matches("/followed")), upstream.base_url());
    let mut stream = TcpStream::connect(location.trim_end_matches("/followed")).await.unwrap();
    stream.write_all(b"GET /followed HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    let followed: Vec<bool> = upstream.requests().iter().map(|request| request.followed_redirect).collect();
    assert_eq!(followed, [false, true]);
}

#[tokio::test]
async fn the_header_with_the_credential_can_be_another() {
    let echo = Echo { what: What::Token, place: Place::Body, form: Form::Raw, chunks: Chunks::Whole };
    let config = Config {
        credential_header: "host".to_owned(),
        credential_prefix: Some("x".to_owned()),
        behaviour: Behaviour::Echo(echo),
        ..Config::default()
    };
    let upstream = HostileUpstream::start_with(config).await.unwrap();
    assert!(holds(&ask(&upstream, "/", "", usize::MAX).await, b"you said: ."));
}

#[tokio::test]
async fn a_connection_that_is_kept_open_bears_more_than_one_exchange() {
    for keep_alive in [true, false] {
        let upstream = HostileUpstream::start_with(Config { keep_alive, ..Config::default() }).await.unwrap();
        let mut stream = TcpStream::connect(upstream.base_url().trim_start_matches("http://")).await.unwrap();
        for _ in 0..2 {
            // The second one is written into a connection that may be closed already.
            let _ = stream.write_all(b"GET /things/1 HTTP/1.1\r\nHost: x\r\n\r\n").await;
            let mut piece = vec![0; 64 << 10];
            let _ = stream.read(&mut piece).await;
        }
        let over: Vec<u64> = upstream.requests().iter().map(|request| request.connection).collect();
        assert_eq!(over, if keep_alive { vec![0, 0] } else { vec![0] });
    }
}
