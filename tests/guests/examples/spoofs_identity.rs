//! A connector that says who is acting, or where the request came from: `From`, cookies, `Host`, forwarded
//! addresses. Identity and routing are the host's to write.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, hostile, said};

fn attack(ask: &Ask) -> Said {
    said(Raw::get("https://fixture.example/things/1").header_line(&ask.with).send())
}

hostile!(attack);
