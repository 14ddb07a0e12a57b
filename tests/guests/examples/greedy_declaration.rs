//! A connector that declares what no connector may have: the host's headers, a redirect's target, a base without
//! TLS or by address, a route that climbs, an identification that changes things, a title without end, more tools than
//! anybody reads. The red team writes the declaration into its slot. It is refused at load, with the name of the
//! field.

#![cfg(target_family = "wasm")]

use toolkeep_guests::{Ask, Said, declare, hostile, said, slot, wit};

fn attack(_: &Ask) -> Said {
    said("")
}

fn describe(name: &'static str) -> wit::Connector {
    let mut connector = declare::plain(name);
    let (what, value) = slot::read();
    for origin in &mut connector.origins {
        origin.request_headers.push("x-mine".to_owned());
        match what.as_str() {
            "request-header" => origin.request_headers.push(value.clone()),
            "response-header" => origin.response_headers.push(value.clone()),
            "alternative" => origin.alternatives.push(value.clone()),
            "base" => origin.base.clone_from(&value),
            "account-header" => {
                origin.account_headers.push(wit::AccountHeader { name: value.clone(), field: wit::AccountField::Id })
            }
            _ => {}
        }
    }
    for credential in &mut connector.credentials {
        match (&credential.kind, what.as_str()) {
            (wit::CredentialKind::ApiKey(_), "credential-header") => credential.header.clone_from(&value),
            (wit::CredentialKind::ApiKey(_), "credential-prefix") => credential.prefix = value.replace("CRLF", "\r\n"),
            (wit::CredentialKind::Oauth2(oauth2), "token-url") => {
                let oauth2 = wit::Oauth2 { token_url: value.clone(), ..oauth2.clone() };
                credential.kind = wit::CredentialKind::Oauth2(oauth2);
            }
            _ => {}
        }
    }
    if what == "identify" {
        connector.identification.routes.push(declare::route(&value, "api", "/things/{id}"));
    }
    for tool in &mut connector.tools {
        match what.as_str() {
            "route" => tool.routes.push(declare::route("PATCH", "api", &value)),
            "method" => tool.routes.push(declare::route(&value, "api", "/things")),
            "tool" => tool.name.clone_from(&value),
            "title-bytes" => tool.title = "x".repeat(value.parse().unwrap_or_default()),
            _ => {}
        }
    }
    if what == "tools" {
        let numbers = 0..value.parse().unwrap_or_default();
        let routes = [("GET", "/things/{id}")];
        connector.tools = numbers
            .map(|number: u32| declare::tool(name, &format!("t{number:04}"), wit::Access::Read, &routes))
            .collect();
    }
    connector
}

hostile!(attack, describe: describe);
