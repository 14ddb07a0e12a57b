//! What a connector says about itself, checked: the data that a reviewer reads, a model sees and the gate
//! enforces. Nothing a component says is used before it has passed here.

mod check;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use toolkeep_policy::{Access, Base, Method, PathTemplate, Route};

use crate::schema::Schema;

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
    #[serde(serialize_with = "shared")]
    pub origins: Vec<Arc<Origin>>,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Its name in routes.
    pub name: String,
    /// What the connector sends to.
    #[serde(serialize_with = "as_text", deserialize_with = "base")]
    pub base: Base,
    /// Real bases that a connection may select instead.
    #[serde(serialize_with = "as_texts", deserialize_with = "bases")]
    pub alternatives: Vec<Base>,
    /// Request headers that the connector may set besides the common ones; lower case.
    pub request_headers: Vec<String>,
    /// Response headers that it may see besides the common ones; lower case.
    pub response_headers: Vec<String>,
    /// Headers that the host sets from the connected account: name and field.
    pub account_headers: Vec<AccountHeader>,
}

/// A request header whose value is who the connected account is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountHeader {
    /// Header name in lower case.
    pub name: String,
    /// Which field.
    pub field: AccountField,
}

/// A field of the connected account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "WIT `account` documents each field")]
pub enum AccountField {
    Id,
    Name,
    Email,
}

/// How the host authenticates a connector's requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identification {
    /// Scopes that it needs.
    pub scopes: Vec<String>,
    /// Requests that it may make.
    #[serde(serialize_with = "as_texts", deserialize_with = "routes")]
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
    pub routes: Arc<[Route]>,
    #[serde(skip)]
    pub(crate) input: Schema,
    #[serde(skip)]
    pub(crate) output: Option<Schema>,
}

/// A ready question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// A required argument is missing or empty.
    #[error("the prompt needs the argument `{0}`; give it")]
    Missing(String),
    /// The prompt has no such argument.
    #[error("the prompt has no argument `{0}`; leave it out")]
    Unknown(String),
    /// A value is too long.
    #[error("the argument `{0}` has more than {most} bytes; shorten it", most = MAX_PROMPT_VALUE_BYTES)]
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
        if let Some(missing) =
            self.arguments.iter().find(|a| a.required && values.get(&a.name).is_none_or(String::is_empty))
        {
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

pub(crate) fn as_texts<T: ToString, S: serde::Serializer>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(ToString::to_string))
}

fn base<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Base, D::Error> {
    let text = String::deserialize(deserializer)?;
    Base::parse(&text).map_err(serde::de::Error::custom)
}

fn bases<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Base>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| Base::parse(text).map_err(serde::de::Error::custom)).collect()
}

/// Routes as [`Route`] prints them: `GET api:/incidents/{id}`.
pub(crate) fn routes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Route>, D::Error> {
    let route = |text: &String| {
        let (method, rest) = text.split_once(' ')?;
        let (origin, path) = rest.split_once(':')?;
        let (method, path) = (Method::parse(method)?, PathTemplate::parse(path).ok()?);
        Some(Route { method, origin: origin.to_owned(), path })
    };
    let texts = Vec::<String>::deserialize(deserializer)?;
    let routes: Option<Vec<Route>> = texts.iter().map(route).collect();
    routes.ok_or_else(|| serde::de::Error::custom("a route is malformed"))
}

fn shared<T: Serialize, S: serde::Serializer>(values: &[Arc<T>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(Arc::as_ref))
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
        let empty = BTreeMap::from([("incident".to_owned(), String::new())]);
        assert_eq!(prompt().render(&empty), Err(PromptError::Missing("incident".to_owned())));
        assert_eq!(prompt().render(&BTreeMap::new()), Err(PromptError::Missing("incident".to_owned())));
        let unknown = BTreeMap::from([("incident".to_owned(), "1".to_owned()), ("x".to_owned(), "1".to_owned())]);
        assert_eq!(prompt().render(&unknown), Err(PromptError::Unknown("x".to_owned())));
    }
}
