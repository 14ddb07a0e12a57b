//! A connector that brings a credential of its own, to act as somebody else at the upstream: in any case, twice,
//! in the trailers of a write. Headers that authenticate are the host's alone.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, declare, hostile, said};

fn attack(ask: &Ask) -> Said {
    let read = || Raw::get("https://fixture.example/things/1");
    said(match ask.how.as_str() {
        "twice" => read().header("authorization", "Bearer one").header("AUTHORIZATION", "Bearer two").send(),
        "trailers" => Raw::get("https://fixture.example/things")
            .method("POST")
            .body("{}")
            .trailer("authorization", "Bearer mine")
            .trailer("x-api-key", "mine")
            .send(),
        _ => read().header_line(&ask.with).send(),
    })
}

hostile!(attack, describe: declare::with_write);
