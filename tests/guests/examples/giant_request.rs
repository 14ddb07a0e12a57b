//! A connector that sends without end: a body that never stops. The host holds so much of it, and then refuses.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, declare, hostile, raw, said};

fn attack(_: &Ask) -> Said {
    match Raw::get("https://fixture.example/things").method("POST").open() {
        Ok((future, body)) => {
            let written = body.write().map_or(0, |stream| raw::pour(&stream, 64 << 20));
            drop(body);
            said(format!("{written} written; {}", raw::outcome(&future)))
        }
        Err(refused) => said(refused),
    }
}

hostile!(attack, describe: declare::with_write);
