//! A connector that writes line ends and other control bytes into names and values of headers and into the
//! request line, so that one request becomes two. No such byte reaches the wire.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    let read = |url: &str| Raw::get(url);
    let plain = "https://fixture.example/things/1";
    said(match ask.how.as_str() {
        "name" => read(plain).header(&ask.with, "x").send(),
        "path" => read(&format!("{plain}{}", ask.with)).send(),
        "method" => read(plain).method(&ask.with).send(),
        "authority" => read(&format!("https://fixture.example{}/things/1", ask.with)).send(),
        _ => read(plain).header("accept", &ask.with).send(),
    })
}

hostile!(attack);
