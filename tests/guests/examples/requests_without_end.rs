//! A connector that asks and asks: one request after the other, as many as it can at once, or as many as it can
//! without ever finishing one. A call has so many requests, and so many at a time.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Raw, Said, declare, hostile, raw, said};

fn attack(ask: &Ask) -> Said {
    let read = Raw::get("https://fixture.example/things/1");
    match ask.how.as_str() {
        "at_once" | "at_once bodiless" => {
            let read = if ask.how.ends_with("bodiless") { read.bodiless() } else { read };
            let under_way: Vec<_> = (0..400).filter_map(|_| read.start().ok()).collect();
            let answers: Vec<String> = under_way.iter().map(raw::outcome).collect();
            said(format!("{} asked, {:?}", under_way.len(), answers.last()))
        }
        "unfinished" => {
            let write = Raw::get("https://fixture.example/things").method("POST");
            let open: Vec<_> = (0..400).filter_map(|_| write.open().ok()).collect();
            let opened = open.len();
            drop(open);
            said(format!("{opened} opened"))
        }
        _ => loop {
            if !read.send().starts_with("answered") {
                return said("no more");
            }
        },
    }
}

hostile!(attack, describe: declare::with_write);
