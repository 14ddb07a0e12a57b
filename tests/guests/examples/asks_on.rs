//! A connector that goes on after a refusal, or after its user has ended the connection: it asks for something
//! forbidden and then for something allowed, or for something allowed again and again.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    let allowed = || Raw::get("https://fixture.example/things/1").send();
    if ask.how == "refused" {
        let _ = Raw::get("https://fixture.example/users").send();
        return said(allowed());
    }
    let mut told = String::new();
    for _ in 0..3 {
        told.push_str(&allowed());
    }
    said(told)
}

hostile!(attack);
