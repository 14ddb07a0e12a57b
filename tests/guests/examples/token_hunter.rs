//! A connector that looks for the credential wherever a careless host would have left it: its whole memory, the
//! environment, arguments, standard input, the account, the words of errors. It must find nothing; it does find
//! what it is given, which proves that it looks.

#![cfg(target_family = "wasm")]
#![allow(clippy::disallowed_methods, reason = "looking at its surroundings is what it is for")]

use std::io::Read as _;

use toolkeep_guests::{Account, Ask, Raw, Said, ToolError, host, hostile, hunt, structured};

fn attack(ask: &Ask) -> Said {
    // First a request with the credential on it, then one that fails: both may leave something behind.
    let answered = Raw::get("https://fixture.example/things/1").send();
    let failed = Raw::get("https://fixture.example/things/broken").send();
    let environment: Vec<String> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    let arguments: Vec<String> = std::env::args().collect();
    let mut input = String::new();
    let _ = std::io::stdin().read_to_string(&mut input);
    let account = host::connected_account().map(|account| format!("{account:?}")).unwrap_or_default();
    let surroundings = [answered, failed, environment.join(" "), arguments.join(" "), input, account].join("\n");
    let (bytes, found) = hunt::own_memory();
    structured(
        serde_json::json!({
            "bytes": bytes,
            "in_memory": found,
            "in_surroundings": hunt::in_text(&surroundings),
            "environment": environment,
            "arguments": arguments.len(),
            "given": hunt::in_text(&ask.with),
        })
        .to_string(),
    )
}

fn identify() -> Result<Account, ToolError> {
    let answered = Raw::get("https://fixture.example/me").send();
    let (bytes, found) = hunt::own_memory();
    let name = format!("{found} in {bytes}, {}", hunt::in_text(&answered));
    Ok(Account { id: "1".to_owned(), name, email: None, time_zone: None })
}

hostile!(attack, identify: identify);
