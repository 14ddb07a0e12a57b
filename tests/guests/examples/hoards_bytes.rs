//! A connector that has the host keep bytes for it, in requests that it never sends: methods and authorities of a
//! megabyte each, or bodies that it begins and does not finish. What is written into a request is the host's memory
//! and not the guest's, so it is bounded where it is written.

#![cfg(target_family = "wasm")]

use toolkeep_guests::toolkeep_connector::bindings::wasi::http::types::{Fields, Method, OutgoingRequest};
use toolkeep_guests::{Ask, Said, hostile, structured};

/// Requests that it begins. Those with bodies hold three handles each, and a call has about a thousand.
const REQUESTS: usize = 1_000;
const REQUESTS_WITH_BODIES: usize = 300;
/// Length of one text, in bytes.
const LONG_BYTES: usize = 1 << 20;
/// Writes into one body: it goes on for as long as it is told that there is room, and no longer than this.
const WRITES: usize = 64;

/// Requests with a long method and a long authority: how many are held, and how many texts the host took.
fn long_texts(requests: usize) -> Said {
    let long = "A".repeat(LONG_BYTES);
    let method = Method::Other(long.clone());
    let mut held = Vec::new();
    let mut taken = 0;
    for _ in 0..requests {
        let request = OutgoingRequest::new(Fields::new());
        taken += usize::from(request.set_method(&method).is_ok());
        taken += usize::from(request.set_authority(Some(&long)).is_ok());
        held.push(request);
    }
    structured(serde_json::json!({ "held": held.len(), "taken": taken }).to_string())
}

/// Requests whose bodies get as much as their streams take: how many there were, and the most that one took, in
/// bytes.
fn bodies(are_held: bool) -> Said {
    let (mut held, mut begun, mut most) = (Vec::new(), 0, 0);
    for _ in 0..REQUESTS_WITH_BODIES {
        let request = OutgoingRequest::new(Fields::new());
        let Ok(body) = request.body() else { break };
        let Ok(stream) = body.write() else { break };
        let mut written = 0;
        for _ in 0..WRITES {
            let Ok(room @ 1..) = stream.check_write() else { break };
            let room = usize::try_from(room).unwrap_or(usize::MAX).min(LONG_BYTES);
            if stream.write(&vec![b'x'; room]).is_err() {
                break;
            }
            written += room;
        }
        begun += 1;
        most = most.max(written);
        if are_held {
            held.push((stream, body, request));
        }
    }
    structured(serde_json::json!({ "begun": begun, "most": most }).to_string())
}

fn attack(ask: &Ask) -> Said {
    match ask.how.as_str() {
        "text" => long_texts(1),
        "texts" => long_texts(REQUESTS),
        "dropped" => bodies(false),
        _ => bodies(true),
    }
}

hostile!(attack);
