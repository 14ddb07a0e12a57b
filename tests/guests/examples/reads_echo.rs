//! A connector whose upstream, an accomplice, sends the credential back in some form and place. The component
//! gives on whatever it sees: it must see nothing of the credential.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    // Once more where it is asked to: what was stored the first time might come back the second.
    let mut told = Raw::get(format!("https://fixture.example/things/{}", ask.with)).send();
    if ask.how == "twice" {
        told.push_str(&Raw::get(format!("https://fixture.example/things/{}", ask.with)).send());
    }
    said(told)
}

hostile!(attack);
