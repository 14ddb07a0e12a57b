//! Answers the protocol's requests, in both eras: with a handshake (2024-11-05 to 2025-11-25) and without
//! (2026-07-28).

use std::collections::BTreeMap;
use std::sync::Arc;

use http::header::USER_AGENT;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, DiscoverResult, ErrorCode,
    GetPromptRequestParams, GetPromptResponse, GetPromptResult, InitializeRequestParams, InitializeResult, JsonObject,
    ListPromptsResult, ListToolsResult, MetaObject, PaginatedRequestParams, PromptMessage, ProtocolVersion, Role,
    ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use toolkeep_host::Call;
use toolkeep_policy::Principal;

use super::answer;
use super::bypass::Bypass;
use super::caller::{Caller, agent_name};
use super::progress;
use super::surface::Surface;

/// How long a client may keep a list, in milliseconds. Lists change when a key's filter or a connector
/// does; a call is checked again anyway, so an old list only misleads for a minute.
const LIST_TTL_MS: u64 = 60_000;

/// Methods whose parameters the protocol library could not read arrive as unknown ones; these it knows.
const KNOWN_METHODS: [&str; 6] =
    ["initialize", "server/discover", "tools/list", "tools/call", "prompts/list", "prompts/get"];

/// The `_meta` key of our name (2026-07-28; earlier clients learn it from `initialize`).
const SERVER_INFO_KEY: &str = "io.modelcontextprotocol/serverInfo";

/// Serves one surface. Cloned for every HTTP request: two pointers.
#[derive(Clone)]
pub(crate) struct Handler {
    surface: Arc<Surface>,
    /// The local user of standard input and output. Over HTTP every request brings its own caller.
    local: Option<Arc<Caller>>,
}

/// Who asks, for one request.
struct Asker {
    principal: Principal,
    connector: Option<String>,
}

impl Handler {
    /// For requests that bring their [`Caller`] in the HTTP request's extensions.
    pub(crate) fn for_http(surface: Arc<Surface>) -> Self {
        Self { surface, local: None }
    }

    /// For one local user.
    pub(crate) fn for_local(surface: Arc<Surface>, principal: Principal) -> Self {
        Self { surface, local: Some(Arc::new(Caller { principal, connector: None })) }
    }

    fn asker(&self, context: &RequestContext<RoleServer>) -> Result<Asker, ErrorData> {
        let parts = context.extensions.get::<http::request::Parts>();
        let caller = match &self.local {
            Some(local) => local.as_ref(),
            // No caller means that the guard was left out. Refuse: there is no default identity.
            None => parts
                .and_then(|parts| parts.extensions.get::<Caller>())
                .ok_or_else(|| ErrorData::internal_error("the request has no identity", None))?,
        };
        let told = context.meta.client_info().map(|client| format!("{}/{}", client.name, client.version));
        let told = told.or_else(|| match parts {
            Some(parts) => parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned),
            None => context.client_info().map(|client| format!("{}/{}", client.name, client.version)),
        });
        let agent = told.as_deref().and_then(agent_name);
        let principal = caller.principal(agent, |connector| self.surface.tool_names(connector));
        Ok(Asker { principal, connector: caller.connector.clone() })
    }

    fn instructions(&self, context: &RequestContext<RoleServer>) -> Result<String, ErrorData> {
        let asker = self.asker(context)?;
        Ok(self.surface.instructions_for(&asker.principal, asker.connector.as_deref()))
    }

    /// Our name for a result, where this era of the protocol wants it.
    fn stamp(&self, context: &RequestContext<RoleServer>, meta: &mut Option<MetaObject>) {
        if !is_stateless_era(context) {
            return;
        }
        if let Ok(info) = serde_json::to_value(&self.surface.info().server_info) {
            meta.get_or_insert_with(MetaObject::new).insert(SERVER_INFO_KEY.to_owned(), info);
        }
    }
}

fn is_stateless_era(context: &RequestContext<RoleServer>) -> bool {
    // Versions are dates in ISO 8601, so they compare as text.
    context.protocol_version().is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

/// The way past the library, where there is one: over HTTP, for what is answered as one JSON message.
fn bypass(context: &RequestContext<RoleServer>) -> Option<&Bypass> {
    let parts = context.extensions.get::<http::request::Parts>()?;
    parts.extensions.get::<Bypass>().filter(|_| context.meta.get_progress_token().is_none())
}

/// Lists fit on one page, so no cursor was ever given out.
fn refuse_cursor(request: Option<&PaginatedRequestParams>) -> Result<(), ErrorData> {
    match request.and_then(|request| request.cursor.as_ref()) {
        None => Ok(()),
        Some(_) => Err(ErrorData::invalid_params("there is only one page; leave `cursor` out", None)),
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        self.surface.info().clone()
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let instructions = self.instructions(&context)?;
        context.peer.set_peer_info(request.clone());
        Ok(self.negotiate_initialize(&request)?.with_instructions(instructions))
    }

    async fn discover(&self, context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        let info = self.get_info().with_instructions(self.instructions(&context)?);
        Ok(DiscoverResult::from_server_info(versions, info)
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Private))
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        refuse_cursor(request.as_ref())?;
        let asker = self.asker(&context)?;
        let mut result =
            ListToolsResult::with_all_items(self.surface.tools_for(&asker.principal, asker.connector.as_deref()));
        if is_stateless_era(&context) {
            result = result.with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Private);
        }
        self.stamp(&context, &mut result.meta);
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let asker = self.asker(&context)?;
        let schema_promised = self.surface.has_output_schema(&request.name);
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let mut call = match Call::new(request.name.into_owned(), arguments) {
            Ok(call) => call,
            Err(error) => return answer::failure(&error, schema_promised).map(CallToolResponse::Complete),
        };
        call.trace = context.meta.get_traceparent().map(str::to_owned);

        let host = self.surface.host();
        let run = async {
            match context.meta.get_progress_token() {
                None => host.call(&asker.principal, call).await,
                Some(token) => {
                    progress::relayed(&context.peer, token, |sink| {
                        call.progress = Some(sink);
                        host.call(&asker.principal, call)
                    })
                    .await
                }
            }
        };
        let outcome = tokio::select! {
            outcome = run => outcome,
            // The client took the request back or went away. Dropping the call stops it; the host records that.
            () = context.ct.cancelled() => {
                return Err(ErrorData::new(ErrorCode::INVALID_REQUEST, "the request was cancelled", None));
            }
        };
        let mut result = match outcome {
            Ok(answer) => answer::success(answer, bypass(&context))?,
            Err(error) => answer::failure(&error, schema_promised)?,
        };
        self.stamp(&context, &mut result.meta);
        Ok(CallToolResponse::Complete(result))
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        refuse_cursor(request.as_ref())?;
        let asker = self.asker(&context)?;
        let mut result =
            ListPromptsResult::with_all_items(self.surface.prompts_for(&asker.principal, asker.connector.as_deref()));
        if is_stateless_era(&context) {
            result = result.with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Private);
        }
        self.stamp(&context, &mut result.meta);
        Ok(result)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let asker = self.asker(&context)?;
        let prompt =
            self.surface.prompt(&asker.principal, asker.connector.as_deref(), &request.name).ok_or_else(|| {
                ErrorData::invalid_params(
                    "there is no prompt of this name; list the prompts to see which there are",
                    Some(json!({ "code": "unknown_prompt" })),
                )
            })?;
        let values = prompt_values(request.arguments.unwrap_or_default())?;
        let text = prompt
            .render(&values)
            .map_err(|error| ErrorData::invalid_params(error.to_string(), Some(json!({ "code": error.code() }))))?;
        let mut result = GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]);
        if !prompt.description.is_empty() {
            result = result.with_description(prompt.description);
        }
        self.stamp(&context, &mut result.meta);
        Ok(GetPromptResponse::Complete(result))
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        if KNOWN_METHODS.contains(&request.method.as_str()) {
            return Err(ErrorData::invalid_params(
                format!("the parameters of {} are malformed", request.method),
                Some(json!({ "code": "malformed_request" })),
            ));
        }
        let method: String = request.method.chars().filter(|c| !c.is_control()).take(64).collect();
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("there is no method {method}"), None))
    }
}

/// The protocol has text only here; a number or a flag is what people mean by its text.
fn prompt_values(arguments: JsonObject) -> Result<BTreeMap<String, String>, ErrorData> {
    arguments
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            Value::Number(number) => Ok((name, number.to_string())),
            Value::Bool(flag) => Ok((name, flag.to_string())),
            _ => Err(ErrorData::invalid_params(
                "a prompt's argument is text",
                Some(json!({ "code": "prompt_argument_not_text" })),
            )),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn prompt_arguments_are_text_or_what_reads_as_text() {
        let given = json!({ "incident": 4201, "note": "done", "loud": true });
        let values = prompt_values(given.as_object().unwrap().clone()).unwrap();
        assert_eq!(values.get("incident").unwrap(), "4201");
        assert_eq!(values.get("loud").unwrap(), "true");
        let list = json!({ "incident": ["4201"] });
        assert!(prompt_values(list.as_object().unwrap().clone()).is_err());
    }

    #[test]
    fn a_cursor_is_refused_because_none_was_given_out() {
        assert!(refuse_cursor(None).is_ok());
        assert!(refuse_cursor(Some(&PaginatedRequestParams::default())).is_ok());
        let with_cursor = PaginatedRequestParams::default().with_cursor(Some("2".to_owned()));
        assert_eq!(refuse_cursor(Some(&with_cursor)).unwrap_err().code.0, -32602);
    }
}
