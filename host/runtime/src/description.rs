//! What a connector says about itself, checked: the data that a reviewer reads, a model sees and the gate
//! enforces. Nothing a component says is used before it has passed here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use toolkeep_policy::headers;
use toolkeep_policy::{Access, Base, Method, PathTemplate, Route};

use crate::bindings::toolkeep::connector::types as wit;
use crate::error::HostError;
use crate::schema::Schema;
use crate::text::is_unsafe;

/// Longest title, in bytes (WIT `tool.title`).
const MAX_TITLE_BYTES: usize = 64;
/// Longest description, in bytes (WIT `tool.description`).
const MAX_DESCRIPTION_BYTES: usize = 1_024;
/// Longest prompt text, in bytes (WIT `prompt.text`).
const MAX_PROMPT_BYTES: usize = 2_048;
/// Longest schema, in bytes (WIT `tool.input-schema`).
const MAX_SCHEMA_BYTES: usize = 16 << 10;
/// Longest value of a prompt's argument, in bytes. It is an ID, a name or a sentence.
const MAX_PROMPT_VALUE_BYTES: usize = 1_024;

/// A connector's whole surface.
#[derive(Debug, Clone, Serialize)]
pub struct Description {
    /// `[a-z0-9_]{1,32}`.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// For people.
    pub title: String,
    /// For people and models.
    pub description: String,
    /// Where it talks to.
    pub origins: Vec<Origin>,
    /// How it is authenticated; a connection holds one of these.
    pub credentials: Vec<Credential>,
    /// What `identify` may do.
    pub identification: Identification,
    /// Its tools, in declared order.
    #[serde(serialize_with = "shared")]
    pub tools: Vec<Arc<Tool>>,
    /// Its prompts, in declared order.
    pub prompts: Vec<Prompt>,
}

/// A place that a connector talks to.
#[derive(Debug, Clone, Serialize)]
pub struct Origin {
    /// Its name in routes.
    pub name: String,
    /// What the connector sends to.
    #[serde(serialize_with = "as_text")]
    pub base: Base,
    /// Real bases that a connection may select instead.
    #[serde(serialize_with = "as_texts")]
    pub alternatives: Vec<Base>,
    /// Request headers that the connector may set besides the common ones; lower case.
    pub request_headers: Vec<String>,
    /// Response headers that it may see besides the common ones; lower case.
    pub response_headers: Vec<String>,
    /// Headers that the host sets from the connected account: name and field.
    pub account_headers: Vec<AccountHeader>,
}

/// A request header whose value is who the connected account is.
#[derive(Debug, Clone, Serialize)]
pub struct AccountHeader {
    /// Header name in lower case.
    pub name: String,
    /// Which field.
    pub field: AccountField,
}

/// A field of the connected account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "WIT `account` documents each field")]
pub enum AccountField {
    Id,
    Name,
    Email,
}

/// How the host authenticates a connector's requests.
#[derive(Debug, Clone, Serialize)]
pub struct Credential {
    /// OAuth or a pasted key.
    pub kind: CredentialKind,
    /// The origin that it is bound to.
    pub origin: String,
    /// The header that carries it, in lower case.
    pub header: String,
    /// Text before the secret.
    pub prefix: String,
}

/// What kind of secret a credential is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// OAuth 2.0 authorization code with PKCE.
    #[serde(rename = "oauth2")]
    OAuth2 {
        /// Authorization endpoint.
        authorize_url: String,
        /// Token endpoint.
        token_url: String,
        /// Revocation endpoint (RFC 7009).
        revoke_url: Option<String>,
        /// Scopes to ask for.
        scopes: Vec<String>,
    },
    /// A key that the user pastes.
    ApiKey {
        /// Where to find it.
        hint: String,
    },
}

/// What `identify` may do.
#[derive(Debug, Clone, Serialize)]
pub struct Identification {
    /// Scopes that it needs.
    pub scopes: Vec<String>,
    /// Requests that it may make.
    #[serde(serialize_with = "as_texts")]
    pub routes: Vec<Route>,
}

/// One tool.
#[derive(Debug, Serialize)]
pub struct Tool {
    /// The name of its connector.
    #[serde(skip)]
    pub connector: String,
    /// `[a-z0-9_]{1,64}`, beginning with the connector's name.
    pub name: String,
    /// For people.
    pub title: String,
    /// For a model.
    pub description: String,
    /// JSON Schema 2020-12 of the arguments.
    pub input_schema: Value,
    /// JSON Schema 2020-12 of the structured answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// What it does at worst.
    pub access: Access,
    /// Repeating it has no further effect.
    pub idempotent: bool,
    /// Scopes that the credential must hold.
    pub scopes: Vec<String>,
    /// Requests that it may make.
    #[serde(serialize_with = "as_texts")]
    pub routes: Vec<Route>,
    #[serde(skip)]
    pub(crate) input: Schema,
    #[serde(skip)]
    pub(crate) output: Option<Schema>,
}

/// A ready question.
#[derive(Debug, Clone, Serialize)]
pub struct Prompt {
    /// `[a-z0-9_]{1,64}`.
    pub name: String,
    /// For people.
    pub title: String,
    /// For people.
    pub description: String,
    /// What it asks for.
    pub arguments: Vec<PromptArgument>,
    /// What the model is asked, with `{name}` where an argument goes.
    pub text: String,
}

/// An argument of a prompt.
#[derive(Debug, Clone, Serialize)]
pub struct PromptArgument {
    /// `[a-z0-9_]{1,32}`.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether the prompt makes no sense without it.
    pub required: bool,
}

/// Why a prompt could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// A required argument is missing.
    #[error("the prompt needs the argument `{0}`; give it")]
    Missing(String),
    /// The prompt has no such argument.
    #[error("the prompt has no argument `{0}`; leave it out")]
    Unknown(String),
    /// A value is too long.
    #[error("the argument `{0}` has more than 1024 bytes; shorten it")]
    TooLong(String),
}

impl PromptError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "prompt_argument_missing",
            Self::Unknown(_) => "prompt_argument_unknown",
            Self::TooLong(_) => "prompt_argument_too_long",
        }
    }
}

impl Prompt {
    /// The text with its arguments filled in, in one pass: a value that looks like `{name}` stays text.
    ///
    /// # Errors
    /// [`PromptError`] for a missing, unknown or overlong argument.
    pub fn render(&self, values: &BTreeMap<String, String>) -> Result<String, PromptError> {
        for (name, value) in values {
            if !self.arguments.iter().any(|argument| argument.name == *name) {
                return Err(PromptError::Unknown(name.chars().take(32).collect()));
            }
            if value.len() > MAX_PROMPT_VALUE_BYTES {
                return Err(PromptError::TooLong(name.clone()));
            }
        }
        if let Some(missing) = self.arguments.iter().find(|a| a.required && !values.contains_key(&a.name)) {
            return Err(PromptError::Missing(missing.name.clone()));
        }
        let mut out = String::with_capacity(self.text.len());
        let mut rest = self.text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let known = after.split_once('}').filter(|(name, _)| self.arguments.iter().any(|a| a.name == *name));
            if let Some((name, behind)) = known {
                out.push_str(values.get(name).map_or("", String::as_str));
                rest = behind;
            } else {
                out.push('{');
                rest = after;
            }
        }
        out.push_str(rest);
        Ok(out)
    }
}

fn as_text<T: ToString, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

fn as_texts<T: ToString, S: serde::Serializer>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(ToString::to_string))
}

fn shared<T: Serialize, S: serde::Serializer>(values: &[Arc<T>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(Arc::as_ref))
}

fn invalid(field: impl Into<String>, reason: impl Into<String>) -> HostError {
    HostError::DescriptionInvalid { field: field.into(), reason: reason.into() }
}

fn check_text(field: &str, text: &str, max_bytes: usize) -> Result<(), HostError> {
    if text.len() > max_bytes {
        return Err(invalid(field, format!("it has {} bytes; at most {max_bytes} are allowed", text.len())));
    }
    if text.chars().any(is_unsafe) {
        return Err(invalid(field, "it holds a control, bidirectional or invisible character"));
    }
    Ok(())
}

fn check_word(field: &str, word: &str, max_bytes: usize) -> Result<(), HostError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if word.is_empty() || word.len() > max_bytes || !word.bytes().all(plain) {
        let shown: String = word.chars().filter(|c| !is_unsafe(*c)).take(64).collect();
        return Err(invalid(field, format!("`{shown}` is not [a-z0-9_]{{1,{max_bytes}}}")));
    }
    Ok(())
}

fn check_count(field: &str, count: usize, max: usize) -> Result<(), HostError> {
    if count > max { Err(invalid(field, format!("{count} are declared; at most {max} are allowed"))) } else { Ok(()) }
}

fn check_https_url(field: &str, url: &str) -> Result<(), HostError> {
    check_text(field, url, 512)?;
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
        check_text("version", &said.version, 64)?;
        if !is_semantic_version(&said.version) {
            return Err(invalid("version", "it is not a semantic version such as 1.2.3"));
        }
        check_text("title", &said.title, MAX_TITLE_BYTES)?;
        check_text("description", &said.description, MAX_DESCRIPTION_BYTES)?;

        check_count("origins", said.origins.len(), 8)?;
        let mut origins = Vec::new();
        for (index, origin) in said.origins.into_iter().enumerate() {
            origins.push(check_origin(&format!("origins[{index}]"), origin)?);
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

        check_count("tools", said.tools.len(), 128)?;
        let mut tools = Vec::new();
        for (index, tool) in said.tools.into_iter().enumerate() {
            tools.push(Arc::new(check_tool(&format!("tools[{index}]"), tool, &said.name, &names)?));
        }
        unique("tools", tools.iter().map(|tool| tool.name.as_str()))?;

        check_count("prompts", said.prompts.len(), 64)?;
        let mut prompts = Vec::new();
        for (index, prompt) in said.prompts.into_iter().enumerate() {
            prompts.push(check_prompt(&format!("prompts[{index}]"), prompt)?);
        }
        unique("prompts", prompts.iter().map(|prompt| prompt.name.as_str()))?;

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

fn is_semantic_version(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<&str> = core.split('.').collect();
    let number =
        |n: &&str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()) && (*n == "0" || !n.starts_with('0'));
    let tail_ok = version.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+'));
    numbers.len() == 3 && numbers.iter().all(number) && tail_ok
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
        if origin.request_headers.contains(&header.name)
            || account_headers.iter().any(|known| known.name == header.name)
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

fn check_credential(field: &str, credential: wit::Credential, origins: &[Origin]) -> Result<Credential, HostError> {
    let Some(origin) = origins.iter().find(|origin| origin.name == credential.origin) else {
        return Err(invalid(format!("{field}.origin"), "no origin of this name is declared"));
    };
    let clash = |name: &String| *name == credential.header;
    if !headers::is_declarable_name(&credential.header)
        || (headers::is_host_owned(&credential.header) && credential.header != "authorization")
        || origin.request_headers.iter().any(clash)
        || origin.response_headers.iter().any(clash)
        || origin.account_headers.iter().any(|header| header.name == credential.header)
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
            check_text(&format!("{field}.api-key"), &hint, 256)?;
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
    check_text(&format!("{field}.title"), &tool.title, MAX_TITLE_BYTES)?;
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
        check_text(&at, text, MAX_SCHEMA_BYTES)?;
        let value: Value =
            serde_json::from_str(text).map_err(|error| invalid(at.clone(), format!("it is not JSON: {error}")))?;
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
        routes,
        input,
        output,
    })
}

fn check_prompt(field: &str, prompt: wit::Prompt) -> Result<Prompt, HostError> {
    check_word(&format!("{field}.name"), &prompt.name, 64)?;
    check_text(&format!("{field}.title"), &prompt.title, MAX_TITLE_BYTES)?;
    check_text(&format!("{field}.description"), &prompt.description, MAX_DESCRIPTION_BYTES)?;
    check_text(&format!("{field}.text"), &prompt.text, MAX_PROMPT_BYTES)?;
    check_count(&format!("{field}.arguments"), prompt.arguments.len(), 8)?;
    let mut arguments = Vec::new();
    for (index, argument) in prompt.arguments.into_iter().enumerate() {
        check_word(&format!("{field}.arguments[{index}].name"), &argument.name, 32)?;
        check_text(&format!("{field}.arguments[{index}].description"), &argument.description, 256)?;
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
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    fn prompt() -> Prompt {
        Prompt {
            name: "resolve".to_owned(),
            title: String::new(),
            description: String::new(),
            arguments: ["incident", "note"]
                .map(|name| PromptArgument {
                    name: name.to_owned(),
                    description: String::new(),
                    required: name == "incident",
                })
                .into(),
            text: "Resolve {incident} with {note}; {other} stays.".to_owned(),
        }
    }

    #[test]
    fn a_prompt_is_filled_in_one_pass() {
        let values =
            BTreeMap::from([("incident".to_owned(), "{note}".to_owned()), ("note".to_owned(), "done".to_owned())]);
        assert_eq!(prompt().render(&values).unwrap(), "Resolve {note} with done; {other} stays.");
        assert_eq!(prompt().render(&BTreeMap::new()), Err(PromptError::Missing("incident".to_owned())));
        let unknown = BTreeMap::from([("incident".to_owned(), "1".to_owned()), ("x".to_owned(), "1".to_owned())]);
        assert_eq!(prompt().render(&unknown), Err(PromptError::Unknown("x".to_owned())));
    }

    #[test]
    fn versions_are_semantic() {
        for good in ["0.1.0", "1.22.333-rc.1+build"] {
            assert!(is_semantic_version(good), "{good}");
        }
        for bad in ["1", "1.2", "01.2.3", "1.2.3 ", "a.b.c", "1.2.3-ü", ""] {
            assert!(!is_semantic_version(bad), "{bad}");
        }
    }
}
