//! What a connector says about itself: plain `static` data, so that describing costs nothing until asked
//! and a call pays for nothing but the look-up of its tool.
//!
//! Every item mirrors the record of the same name in `wit/connector.wit`, where the limits stand.

use crate::bindings::toolkeep::connector::types as wit;
use crate::{Context, Output, ToolError, Upstream};

pub use crate::bindings::toolkeep::connector::types::{Access, AccountField};

/// A whole connector: declared once as a `static`, exported by [`export!`](crate::export).
#[derive(Debug)]
pub struct Connector {
    /// `[a-z0-9_]{1,32}`; the prefix of every tool's name.
    pub name: &'static str,
    /// Semantic version; `env!("CARGO_PKG_VERSION")` is the usual value.
    pub version: &'static str,
    /// The product's name, for people and in error texts ("Acme answered 500").
    pub title: &'static str,
    /// What it offers, at most 1,024 bytes.
    pub description: &'static str,
    /// Where it sends requests; the first one is what [`Context::get`] and its kin use.
    pub origins: &'static [Origin],
    /// Ways for a user to connect, the recommended one first.
    pub credentials: &'static [Credential],
    /// How to find out whose credential it is.
    pub identification: Identification,
    /// Reads the upstream's error answers; [`crate::upstream_text`] when it has no form worth reading.
    pub errors: fn(&crate::Response) -> Upstream,
    /// The tools.
    pub tools: &'static [Tool],
    /// Ready questions that people start from.
    pub prompts: &'static [Prompt],
}

/// A place that the connector talks to. The host maps `base` to the real one of the user's connection.
#[derive(Debug)]
pub struct Origin {
    /// `[a-z0-9_]{1,32}`.
    pub name: &'static str,
    /// `https://host` or `https://host:port`.
    pub base: &'static str,
    /// Other real bases, e.g. a region.
    pub alternatives: &'static [&'static str],
    /// `accept` of every request to it.
    pub accept: &'static str,
    /// Request headers past the host's usual ones.
    pub request_headers: &'static [&'static str],
    /// Response headers past the host's usual ones.
    pub response_headers: &'static [&'static str],
    /// Headers that the host fills from the connected account.
    pub account_headers: &'static [(&'static str, AccountField)],
}

impl Origin {
    /// An origin that speaks plain JSON and asks for nothing special; use it as `..Origin::PLAIN`.
    pub const PLAIN: Self = Self {
        name: "api",
        base: "",
        alternatives: &[],
        accept: "application/json",
        request_headers: &[],
        response_headers: &[],
        account_headers: &[],
    };
}

/// One way to authenticate; the host holds the secret, attaches it, and never shows it to the component.
#[derive(Debug)]
pub struct Credential {
    /// OAuth or a pasted key.
    pub kind: CredentialKind,
    /// Name of the origin it is bound to.
    pub origin: &'static str,
    /// Header that carries it, in lower case.
    pub header: &'static str,
    /// Text before the secret, e.g. `Bearer `.
    pub prefix: &'static str,
}

/// See [`Credential`].
#[derive(Debug)]
pub enum CredentialKind {
    /// OAuth 2.0 authorization code with PKCE.
    OAuth2 {
        /// Where the user consents.
        authorize_url: &'static str,
        /// Where codes and refresh tokens are exchanged.
        token_url: &'static str,
        /// Where tokens are revoked, if anywhere.
        revoke_url: Option<&'static str>,
        /// Scopes to ask for.
        scopes: &'static [&'static str],
    },
    /// A key that the user pastes; the text says where to find it.
    ApiKey(&'static str),
}

/// How to find out whose credential it is.
#[derive(Debug)]
pub struct Identification {
    /// OAuth scopes that [`Self::run`] needs.
    pub scopes: &'static [&'static str],
    /// Requests that it makes.
    pub routes: &'static [Route],
    /// Asks the upstream.
    pub run: fn(&mut Context) -> Result<crate::Account, ToolError>,
}

/// One kind of request that a tool may make.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    method: &'static str,
    origin: Option<&'static str>,
    path: &'static str,
}

impl Route {
    /// `GET` of a path template of the first origin.
    pub const fn get(path: &'static str) -> Self {
        Self { method: "GET", origin: None, path }
    }
    /// `POST` to a path template of the first origin.
    pub const fn post(path: &'static str) -> Self {
        Self { method: "POST", origin: None, path }
    }
    /// `PUT` to a path template of the first origin.
    pub const fn put(path: &'static str) -> Self {
        Self { method: "PUT", origin: None, path }
    }
    /// `PATCH` of a path template of the first origin.
    pub const fn patch(path: &'static str) -> Self {
        Self { method: "PATCH", origin: None, path }
    }
    /// `DELETE` of a path template of the first origin.
    pub const fn delete(path: &'static str) -> Self {
        Self { method: "DELETE", origin: None, path }
    }
    /// The same at another declared origin.
    pub const fn at(self, origin: &'static str) -> Self {
        Self { method: self.method, origin: Some(origin), path: self.path }
    }
}

/// One tool, as a model sees it and as the host enforces it.
#[derive(Debug)]
pub struct Tool {
    /// Begins with the connector's name and `_`.
    pub name: &'static str,
    /// For people, at most 64 bytes.
    pub title: &'static str,
    /// For a model: when to use it and what comes back; at most 1,024 bytes.
    pub description: &'static str,
    /// What it does to the upstream, at worst.
    pub access: Access,
    /// Repeating the call has no further effect.
    pub idempotent: bool,
    /// OAuth scopes without which it cannot work at all.
    pub scopes: &'static [&'static str],
    /// Every request it may make.
    pub routes: &'static [Route],
    /// The function behind it, made by [`handler!`](crate::handler).
    pub handler: Handler,
}

/// A function with its types erased; made by [`handler!`](crate::handler).
#[derive(Debug, Clone, Copy)]
pub struct Handler {
    /// Parses the arguments, runs, serialises the answer.
    pub run: fn(&mut Context, &str) -> Result<Output, ToolError>,
    /// JSON Schema of the arguments.
    pub input: fn() -> String,
    /// JSON Schema of the answer.
    pub output: Option<fn() -> String>,
}

/// A ready question; `{name}` in its text stands for an argument.
#[derive(Debug)]
pub struct Prompt {
    /// `[a-z0-9_]{1,64}`.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// For people: what they get.
    pub description: &'static str,
    /// At most 8.
    pub arguments: &'static [PromptArgument],
    /// What the model is asked, at most 2,048 bytes.
    pub text: &'static str,
}

/// One blank of a prompt.
#[derive(Debug)]
pub struct PromptArgument {
    /// `[a-z0-9_]{1,32}`.
    pub name: &'static str,
    /// For people.
    pub description: &'static str,
    /// Whether the prompt makes sense without it.
    pub required: bool,
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

impl Connector {
    /// The declaration as the contract's record: what `describe` answers.
    pub fn describe(&self) -> wit::Connector {
        wit::Connector {
            name: self.name.to_owned(),
            version: self.version.to_owned(),
            title: self.title.to_owned(),
            description: self.description.to_owned(),
            origins: self.origins.iter().map(Origin::describe).collect(),
            credentials: self.credentials.iter().map(Credential::describe).collect(),
            identification: wit::Identification {
                scopes: owned(self.identification.scopes),
                routes: self.routes(self.identification.routes),
            },
            tools: self.tools.iter().map(|tool| self.describe_tool(tool)).collect(),
            prompts: self.prompts.iter().map(Prompt::describe).collect(),
        }
    }

    /// The tool of that name.
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    fn routes(&self, routes: &[Route]) -> Vec<wit::Route> {
        let first = self.origins.first().map_or("", |origin| origin.name);
        routes
            .iter()
            .map(|route| wit::Route {
                method: route.method.to_owned(),
                origin: route.origin.unwrap_or(first).to_owned(),
                path: route.path.to_owned(),
            })
            .collect()
    }

    fn describe_tool(&self, tool: &Tool) -> wit::Tool {
        wit::Tool {
            name: tool.name.to_owned(),
            title: tool.title.to_owned(),
            description: tool.description.to_owned(),
            input_schema: (tool.handler.input)(),
            output_schema: tool.handler.output.map(|schema| schema()),
            access: tool.access,
            idempotent: tool.idempotent,
            scopes: owned(tool.scopes),
            routes: self.routes(tool.routes),
        }
    }
}

impl Origin {
    fn describe(&self) -> wit::Origin {
        wit::Origin {
            name: self.name.to_owned(),
            base: self.base.to_owned(),
            alternatives: owned(self.alternatives),
            request_headers: owned(self.request_headers),
            response_headers: owned(self.response_headers),
            account_headers: self
                .account_headers
                .iter()
                .map(|(name, field)| wit::AccountHeader { name: (*name).to_owned(), field: *field })
                .collect(),
        }
    }
}

impl Credential {
    fn describe(&self) -> wit::Credential {
        wit::Credential {
            kind: match &self.kind {
                CredentialKind::OAuth2 { authorize_url, token_url, revoke_url, scopes } => {
                    wit::CredentialKind::Oauth2(wit::Oauth2 {
                        authorize_url: (*authorize_url).to_owned(),
                        token_url: (*token_url).to_owned(),
                        revoke_url: revoke_url.map(str::to_owned),
                        scopes: owned(scopes),
                    })
                }
                CredentialKind::ApiKey(text) => wit::CredentialKind::ApiKey((*text).to_owned()),
            },
            origin: self.origin.to_owned(),
            header: self.header.to_owned(),
            prefix: self.prefix.to_owned(),
        }
    }
}

impl Prompt {
    fn describe(&self) -> wit::Prompt {
        wit::Prompt {
            name: self.name.to_owned(),
            title: self.title.to_owned(),
            description: self.description.to_owned(),
            arguments: self
                .arguments
                .iter()
                .map(|argument| wit::PromptArgument {
                    name: argument.name.to_owned(),
                    description: argument.description.to_owned(),
                    required: argument.required,
                })
                .collect(),
            text: self.text.to_owned(),
        }
    }
}
