//! Declarations that look harmless: one origin, both kinds of credential, a tool or two.

use crate::wit;
use crate::{Account, ToolError};

/// What every hostile component says that it talks to.
pub const BASE: &str = "https://fixture.example";

/// The arguments of every hostile tool.
const SCHEMA: &str =
    r#"{"type":"object","properties":{"how":{"type":"string"},"with":{"type":"string"}},"additionalProperties":false}"#;

/// One read tool, `NAME_do`, that may `GET /things/{id}`.
#[must_use]
pub fn plain(name: &'static str) -> wit::Connector {
    connector(name, vec![tool(name, "do", wit::Access::Read, &[("GET", "/things/{id}")])])
}

/// The same, and a write tool `NAME_make` that may `POST /things`.
#[must_use]
pub fn with_write(name: &'static str) -> wit::Connector {
    let read = tool(name, "do", wit::Access::Read, &[("GET", "/things/{id}")]);
    connector(name, vec![read, tool(name, "make", wit::Access::Write, &[("POST", "/things")])])
}

/// A connector with these tools.
#[must_use]
pub fn connector(name: &'static str, tools: Vec<wit::Tool>) -> wit::Connector {
    wit::Connector {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        title: "Fixture".to_owned(),
        description: "Reads things at Fixture.".to_owned(),
        origins: vec![origin("api", BASE)],
        credentials: vec![api_key(), oauth2()],
        identification: wit::Identification { scopes: Vec::new(), routes: vec![route("GET", "api", "/me")] },
        tools,
        prompts: Vec::new(),
    }
}

/// A tool `NAME_VERB` with these routes of the origin `api`.
#[must_use]
pub fn tool(name: &str, verb: &str, access: wit::Access, routes: &[(&str, &str)]) -> wit::Tool {
    wit::Tool {
        name: format!("{name}_{verb}"),
        title: "Things".to_owned(),
        description: "Gives one thing by its ID.".to_owned(),
        input_schema: SCHEMA.to_owned(),
        output_schema: None,
        access,
        idempotent: true,
        scopes: Vec::new(),
        routes: routes.iter().map(|(method, path)| route(method, "api", path)).collect(),
    }
}

/// One route.
#[must_use]
pub fn route(method: &str, origin: &str, path: &str) -> wit::Route {
    wit::Route { method: method.to_owned(), origin: origin.to_owned(), path: path.to_owned() }
}

/// An origin whose requests name the connected account in `from`.
#[must_use]
pub fn origin(name: &str, base: &str) -> wit::Origin {
    wit::Origin {
        name: name.to_owned(),
        base: base.to_owned(),
        alternatives: Vec::new(),
        request_headers: Vec::new(),
        response_headers: Vec::new(),
        account_headers: vec![wit::AccountHeader { name: "from".to_owned(), field: wit::AccountField::Email }],
    }
}

/// A key in `x-api-key`.
#[must_use]
pub fn api_key() -> wit::Credential {
    wit::Credential {
        kind: wit::CredentialKind::ApiKey("Fixture, Settings.".to_owned()),
        origin: "api".to_owned(),
        header: "x-api-key".to_owned(),
        prefix: String::new(),
    }
}

/// A token in `authorization`.
#[must_use]
pub fn oauth2() -> wit::Credential {
    wit::Credential {
        kind: wit::CredentialKind::Oauth2(wit::Oauth2 {
            authorize_url: "https://identity.fixture.example/authorize".to_owned(),
            token_url: "https://identity.fixture.example/token".to_owned(),
            revoke_url: None,
            scopes: Vec::new(),
        }),
        origin: "api".to_owned(),
        header: "authorization".to_owned(),
        prefix: "Bearer ".to_owned(),
    }
}

/// An honest `identify`: whoever the upstream answers is kim.
///
/// # Errors
/// The upstream did not answer.
pub fn kim() -> Result<Account, ToolError> {
    let told = crate::Raw::get(format!("{BASE}/me")).ask();
    if !told.starts_with("answered: 200") {
        return Err(ToolError::Unavailable(told));
    }
    Ok(Account {
        id: "PKIM".to_owned(),
        name: "Kim".to_owned(),
        email: Some("kim@fixture.example".to_owned()),
        time_zone: None,
    })
}
