//! Checking what `describe` returned, against every rule of the contract. The first rule that is broken is
//! named, with the place: a connector's author has to find it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use toolkeep_policy::headers;
use toolkeep_policy::{Access, Base, Method, PathTemplate, Route};

use super::{
    AccountField, AccountHeader, Credential, CredentialKind, Description, Identification, Origin, Prompt,
    PromptArgument, Tool,
};
use crate::bindings::toolkeep::connector::types as wit;
use crate::collisions::skeleton;
use crate::error::HostError;
use crate::schema::Schema;
use crate::text::{clean_line, is_unsafe};

/// Longest title, in bytes (WIT `tool.title`).
const MAX_TITLE_BYTES: usize = 64;
/// Longest description, in bytes (WIT `tool.description`).
const MAX_DESCRIPTION_BYTES: usize = 1_024;
/// Longest prompt text, in bytes (WIT `prompt.text`).
const MAX_PROMPT_BYTES: usize = 2_048;
/// Longest schema, in bytes (WIT `tool.input-schema`).
const MAX_SCHEMA_BYTES: usize = 16 << 10;
/// Line ends in a row: a paragraph's end and one more. Many push what follows out of a reviewer's sight.
const MAX_LINE_ENDS: usize = 3;
/// Longest reason of a refusal, in bytes: it may repeat what a connector said.
const MAX_REASON_BYTES: usize = 500;
/// Most patterns in all schemas of a connector: compiled, they take at most 64 MiB, their matchers' caches included.
const MAX_PATTERNS: usize = 64;

fn invalid(field: impl Into<String>, reason: impl Into<String>) -> HostError {
    // A reason may repeat what the connector said, and it goes to a terminal.
    HostError::DescriptionInvalid { field: field.into(), reason: clean_line(&reason.into(), MAX_REASON_BYTES) }
}

/// Text of several lines, for people and models.
fn check_text(field: &str, text: &str, max_bytes: usize) -> Result<(), HostError> {
    check_characters(field, text, max_bytes)?;
    if text.contains(&"\n".repeat(MAX_LINE_ENDS + 1)) {
        return Err(invalid(field, format!("it has more than {MAX_LINE_ENDS} line ends in a row")));
    }
    check_white_space(field, text)
}

/// Text of one line.
fn check_line(field: &str, text: &str, max_bytes: usize) -> Result<(), HostError> {
    check_characters(field, text, max_bytes)?;
    if text.contains(['\n', '\t']) {
        return Err(invalid(field, "it has a line end or a tab; it is one line"));
    }
    check_white_space(field, text)
}

fn check_characters(field: &str, text: &str, max_bytes: usize) -> Result<(), HostError> {
    if text.len() > max_bytes {
        return Err(invalid(field, format!("it has {} bytes; at most {max_bytes} are allowed", text.len())));
    }
    if text.chars().any(is_unsafe) {
        return Err(invalid(field, "it holds a control, bidirectional or invisible character"));
    }
    // What a font makes of them, nobody can review.
    if text.chars().any(|c| matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFD}')) {
        return Err(invalid(field, "it holds a character for private use"));
    }
    Ok(())
}

/// White space that looks like other white space, or like none: what differs in it differs to a program alone.
fn check_white_space(field: &str, text: &str) -> Result<(), HostError> {
    if text.chars().any(|c| c.is_whitespace() && !matches!(c, ' ' | '\n' | '\t')) {
        return Err(invalid(field, "it holds white space other than spaces, line ends and tabs"));
    }
    if text.trim() != text || text.lines().any(|line| line.ends_with([' ', '\t'])) {
        return Err(invalid(field, "it begins or ends with white space, or a line of it does"));
    }
    Ok(())
}

/// A name: `[a-z0-9_]`, beginning with a letter, without `_` at its end or two in a row. Clients put `__` between
/// the names of a server and of a tool.
fn check_word(field: &str, word: &str, max_bytes: usize) -> Result<(), HostError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let shown = || word.chars().filter(|c| !is_unsafe(*c)).take(64).collect::<String>();
    if word.is_empty() || word.len() > max_bytes || !word.bytes().all(plain) {
        return Err(invalid(field, format!("`{}` is not [a-z0-9_]{{1,{max_bytes}}}", shown())));
    }
    if !word.starts_with(|c: char| c.is_ascii_lowercase()) || word.ends_with('_') || word.contains("__") {
        return Err(invalid(field, format!("`{}` does not begin with a letter, ends with _ or holds __", shown())));
    }
    Ok(())
}

/// Refuses two names that a reader could take for each other.
fn distinct<'a>(field: &str, names: impl Iterator<Item = &'a str>) -> Result<(), HostError> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        match seen.insert(skeleton(name), name) {
            Some(other) if other == name => return Err(invalid(field, format!("`{name}` is declared twice"))),
            Some(other) => return Err(invalid(field, format!("`{name}` looks like `{other}`"))),
            None => {}
        }
    }
    Ok(())
}

/// Strings of a schema reach a model as the text of a description does, and JSON has escapes for every character.
fn check_strings(field: &str, value: &Value) -> Result<(), HostError> {
    match value {
        Value::String(text) => check_characters(field, text, MAX_SCHEMA_BYTES),
        Value::Array(items) => items.iter().try_for_each(|item| check_strings(field, item)),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            check_characters(field, name, MAX_SCHEMA_BYTES)?;
            check_strings(field, member)
        }),
        _ => Ok(()),
    }
}

fn check_count(field: &str, count: usize, max: usize) -> Result<(), HostError> {
    if count > max { Err(invalid(field, format!("{count} are declared; at most {max} are allowed"))) } else { Ok(()) }
}

fn check_https_url(field: &str, url: &str) -> Result<(), HostError> {
    check_line(field, url, 512)?;
    toolkeep_policy::Target::parse(url).map(|_| ()).map_err(|error| invalid(field, error.to_string()))
}

fn check_scopes(field: &str, scopes: &[String]) -> Result<(), HostError> {
    check_count(field, scopes.len(), 64)?;
    // RFC 6749, section 3.3: printable ASCII without space, quote and backslash.
    let ok = |s: &String| {
        !s.is_empty() && s.len() <= 128 && s.bytes().all(|b| (0x21..=0x7e).contains(&b) && b != b'"' && b != b'\\')
    };
    match scopes.iter().find(|scope| !ok(scope)) {
        Some(_) => {
            Err(invalid(field, "a scope is 1 to 128 printable ASCII characters without space, quote and backslash"))
        }
        None => Ok(()),
    }
}

impl Description {
    /// Checks what `describe` returned.
    pub(crate) fn check(said: wit::Connector) -> Result<Self, HostError> {
        check_word("name", &said.name, 32)?;
        check_line("version", &said.version, 64)?;
        if semver::Version::parse(&said.version).is_err() {
            return Err(invalid("version", "it is not a semantic version such as 1.2.3"));
        }
        check_line("title", &said.title, MAX_TITLE_BYTES)?;
        check_text("description", &said.description, MAX_DESCRIPTION_BYTES)?;

        check_count("origins", said.origins.len(), 8)?;
        let mut origins = Vec::new();
        for (index, origin) in said.origins.into_iter().enumerate() {
            origins.push(Arc::new(check_origin(&format!("origins[{index}]"), origin)?));
        }
        unique("origins", origins.iter().map(|origin| origin.name.as_str()))?;
        unique("origins", origins.iter().map(|origin| origin.base.to_string()))?;
        let names: BTreeSet<String> = origins.iter().map(|origin| origin.name.clone()).collect();

        check_count("credentials", said.credentials.len(), 8)?;
        let mut credentials = Vec::new();
        for (index, credential) in said.credentials.into_iter().enumerate() {
            credentials.push(check_credential(&format!("credentials[{index}]"), credential, &origins)?);
        }
        // A stored credential says of which kind it is, so there can be one declaration of each.
        let kinds = credentials.iter().map(|credential: &Credential| match credential.kind {
            CredentialKind::OAuth2 { .. } => "oauth2",
            CredentialKind::ApiKey { .. } => "api-key",
        });
        unique("credentials", kinds)?;
        if credentials.is_empty() && !origins.is_empty() {
            return Err(invalid("credentials", "a connector with an origin declares at least one credential"));
        }

        check_scopes("identification.scopes", &said.identification.scopes)?;
        let identification = Identification {
            routes: check_routes("identification", said.identification.routes, &names)?,
            scopes: said.identification.scopes,
        };
        // It runs when a user connects, before anybody chose a tool, and is recorded as a read.
        if let Some(index) = identification.routes.iter().position(|route| !route.method.is_safe()) {
            return Err(invalid(
                format!("identification.routes[{index}].method"),
                "identify only reads: GET or HEAD; what changes something is a tool's route",
            ));
        }

        check_count("tools", said.tools.len(), 128)?;
        let mut tools = Vec::new();
        for (index, tool) in said.tools.into_iter().enumerate() {
            tools.push(Arc::new(check_tool(&format!("tools[{index}]"), tool, &said.name, &names)?));
        }
        distinct("tools", tools.iter().map(|tool| tool.name.as_str()))?;
        let patterns = |tool: &Arc<Tool>| tool.input.patterns() + tool.output.as_ref().map_or(0, Schema::patterns);
        check_count("patterns in schemas", tools.iter().map(patterns).sum(), MAX_PATTERNS)?;

        check_count("prompts", said.prompts.len(), 64)?;
        let mut prompts = Vec::new();
        for (index, prompt) in said.prompts.into_iter().enumerate() {
            prompts.push(check_prompt(&format!("prompts[{index}]"), prompt)?);
        }
        distinct("prompts", prompts.iter().map(|prompt| prompt.name.as_str()))?;

        Ok(Self {
            name: said.name,
            version: said.version,
            title: said.title,
            description: said.description,
            origins,
            credentials,
            identification,
            tools,
            prompts,
        })
    }
}

fn unique<T: AsRef<str>>(field: &str, names: impl Iterator<Item = T>) -> Result<(), HostError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.as_ref().to_owned()) {
            return Err(invalid(field, format!("`{}` is declared twice", name.as_ref())));
        }
    }
    Ok(())
}

fn check_origin(field: &str, origin: wit::Origin) -> Result<Origin, HostError> {
    check_word(&format!("{field}.name"), &origin.name, 32)?;
    let base = |at: String, text: &str| Base::parse(text).map_err(|error| invalid(at, error.to_string()));
    check_count(&format!("{field}.alternatives"), origin.alternatives.len(), 16)?;
    check_count(&format!("{field}.request-headers"), origin.request_headers.len(), 16)?;
    check_count(&format!("{field}.response-headers"), origin.response_headers.len(), 16)?;
    check_count(&format!("{field}.account-headers"), origin.account_headers.len(), 4)?;
    for name in &origin.request_headers {
        if !headers::is_declarable_name(name) || headers::is_host_owned(name) {
            return Err(invalid(
                format!("{field}.request-headers"),
                "a name is malformed, or a header of the host's own",
            ));
        }
    }
    for name in &origin.response_headers {
        if !headers::is_declarable_response(name) {
            return Err(invalid(
                format!("{field}.response-headers"),
                "a name is malformed, or never shown to a connector",
            ));
        }
    }
    let mut account_headers: Vec<AccountHeader> = Vec::new();
    for header in origin.account_headers {
        let same = |name: &str| headers::is_same_name(name, &header.name);
        if origin.request_headers.iter().any(|name| same(name)) || account_headers.iter().any(|known| same(&known.name))
        {
            return Err(invalid(
                format!("{field}.account-headers"),
                "a name is declared twice, or the connector may set it too",
            ));
        }
        // Of the host's own headers only `from` means an account; the others route, frame or authenticate.
        if !headers::is_declarable_name(&header.name) || (headers::is_host_owned(&header.name) && header.name != "from")
        {
            return Err(invalid(format!("{field}.account-headers"), "a name is malformed, or cannot carry an account"));
        }
        account_headers.push(AccountHeader {
            name: header.name,
            field: match header.field {
                wit::AccountField::Id => AccountField::Id,
                wit::AccountField::Name => AccountField::Name,
                wit::AccountField::Email => AccountField::Email,
            },
        });
    }
    Ok(Origin {
        base: base(format!("{field}.base"), &origin.base)?,
        alternatives: origin
            .alternatives
            .iter()
            .map(|text| base(format!("{field}.alternatives"), text))
            .collect::<Result<_, _>>()?,
        name: origin.name,
        request_headers: origin.request_headers,
        response_headers: origin.response_headers,
        account_headers,
    })
}

fn check_credential(
    field: &str,
    credential: wit::Credential,
    origins: &[Arc<Origin>],
) -> Result<Credential, HostError> {
    let Some(origin) = origins.iter().find(|origin| origin.name == credential.origin) else {
        return Err(invalid(format!("{field}.origin"), "no origin of this name is declared"));
    };
    let clash = |name: &String| headers::is_same_name(name, &credential.header);
    if !headers::is_declarable_name(&credential.header)
        || (headers::is_host_owned(&credential.header) && credential.header != "authorization")
        || origin.request_headers.iter().any(clash)
        || origin.response_headers.iter().any(clash)
        || origin.account_headers.iter().any(|header| clash(&header.name))
    {
        return Err(invalid(format!("{field}.header"), "it is malformed, or has another use"));
    }
    if credential.prefix.len() > 64 || !credential.prefix.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
        return Err(invalid(format!("{field}.prefix"), "it is at most 64 printable ASCII characters"));
    }
    let kind = match credential.kind {
        wit::CredentialKind::Oauth2(oauth) => {
            check_https_url(&format!("{field}.authorize-url"), &oauth.authorize_url)?;
            check_https_url(&format!("{field}.token-url"), &oauth.token_url)?;
            if let Some(url) = &oauth.revoke_url {
                check_https_url(&format!("{field}.revoke-url"), url)?;
            }
            check_scopes(&format!("{field}.scopes"), &oauth.scopes)?;
            CredentialKind::OAuth2 {
                authorize_url: oauth.authorize_url,
                token_url: oauth.token_url,
                revoke_url: oauth.revoke_url,
                scopes: oauth.scopes,
            }
        }
        wit::CredentialKind::ApiKey(hint) => {
            check_line(&format!("{field}.api-key"), &hint, 256)?;
            CredentialKind::ApiKey { hint }
        }
    };
    Ok(Credential { kind, origin: credential.origin, header: credential.header, prefix: credential.prefix })
}

fn check_routes(field: &str, routes: Vec<wit::Route>, origins: &BTreeSet<String>) -> Result<Vec<Route>, HostError> {
    check_count(&format!("{field}.routes"), routes.len(), 32)?;
    let mut checked = Vec::new();
    for (index, route) in routes.into_iter().enumerate() {
        let at = format!("{field}.routes[{index}]");
        let method = Method::parse(&route.method)
            .ok_or_else(|| invalid(format!("{at}.method"), "it is not GET, HEAD, POST, PUT, PATCH or DELETE"))?;
        if !origins.contains(&route.origin) {
            return Err(invalid(format!("{at}.origin"), "no origin of this name is declared"));
        }
        let path =
            PathTemplate::parse(&route.path).map_err(|error| invalid(format!("{at}.path"), error.to_string()))?;
        checked.push(Route { method, origin: route.origin, path });
    }
    Ok(checked)
}

fn check_tool(field: &str, tool: wit::Tool, connector: &str, origins: &BTreeSet<String>) -> Result<Tool, HostError> {
    check_word(&format!("{field}.name"), &tool.name, 64)?;
    if !tool.name.strip_prefix(connector).is_some_and(|rest| rest.len() > 1 && rest.starts_with('_')) {
        return Err(invalid(format!("{field}.name"), format!("`{}` does not begin with `{connector}_`", tool.name)));
    }
    check_line(&format!("{field}.title"), &tool.title, MAX_TITLE_BYTES)?;
    check_text(&format!("{field}.description"), &tool.description, MAX_DESCRIPTION_BYTES)?;
    check_scopes(&format!("{field}.scopes"), &tool.scopes)?;
    let routes = check_routes(field, tool.routes, origins)?;
    let access = match tool.access {
        wit::Access::Read => Access::Read,
        wit::Access::Write => Access::Write,
        wit::Access::Destructive => Access::Destructive,
    };
    let schema = |at: &str, text: &str| -> Result<(Value, Schema), HostError> {
        let at = format!("{field}.{at}");
        check_characters(&at, text, MAX_SCHEMA_BYTES)?;
        let value: Value =
            serde_json::from_str(text).map_err(|error| invalid(at.clone(), format!("it is not JSON: {error}")))?;
        check_strings(&at, &value)?;
        let compiled = Schema::compile(&value).map_err(|reason| invalid(at, reason))?;
        Ok((value, compiled))
    };
    let (input_schema, input) = schema("input-schema", &tool.input_schema)?;
    let (output_schema, output) = match &tool.output_schema {
        Some(text) => {
            let (value, compiled) = schema("output-schema", text)?;
            (Some(value), Some(compiled))
        }
        None => (None, None),
    };
    Ok(Tool {
        connector: connector.to_owned(),
        name: tool.name,
        title: tool.title,
        description: tool.description,
        input_schema,
        output_schema,
        access,
        idempotent: tool.idempotent,
        scopes: tool.scopes,
        routes: routes.into(),
        input,
        output,
    })
}

fn check_prompt(field: &str, prompt: wit::Prompt) -> Result<Prompt, HostError> {
    check_word(&format!("{field}.name"), &prompt.name, 64)?;
    check_line(&format!("{field}.title"), &prompt.title, MAX_TITLE_BYTES)?;
    check_text(&format!("{field}.description"), &prompt.description, MAX_DESCRIPTION_BYTES)?;
    check_text(&format!("{field}.text"), &prompt.text, MAX_PROMPT_BYTES)?;
    check_count(&format!("{field}.arguments"), prompt.arguments.len(), 8)?;
    let mut arguments = Vec::new();
    for (index, argument) in prompt.arguments.into_iter().enumerate() {
        check_word(&format!("{field}.arguments[{index}].name"), &argument.name, 32)?;
        check_line(&format!("{field}.arguments[{index}].description"), &argument.description, 256)?;
        arguments.push(PromptArgument {
            name: argument.name,
            description: argument.description,
            required: argument.required,
        });
    }
    unique(&format!("{field}.arguments"), arguments.iter().map(|argument| argument.name.as_str()))?;
    Ok(Prompt { name: prompt.name, title: prompt.title, description: prompt.description, arguments, text: prompt.text })
}

#[cfg(test)]
mod tests;
