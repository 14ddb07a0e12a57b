//! A connector that takes the one thing which `describe` may ask for, the seed of hash tables, to say something
//! else each time. The seed is constant there, so it always says the same.

#![cfg(target_family = "wasm")]

use std::hash::{BuildHasher as _, RandomState};

use toolkeep_guests::{Ask, Said, declare, hostile, said, wit};

fn attack(_: &Ask) -> Said {
    said(RandomState::new().hash_one(1).to_string())
}

fn describe(name: &'static str) -> wit::Connector {
    let mut connector = declare::plain(name);
    connector.description = format!("Number {}.", RandomState::new().hash_one(1));
    connector
}

hostile!(attack, describe: describe);
