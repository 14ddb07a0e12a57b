//! What the author of a Toolkeep connector depends on.
//!
//! A tool is a struct of arguments, a function, and one entry in a declaration. The JSON Schema comes from
//! the struct; HTTP, JSON, paging and the meaning of errors are this crate's work. The component never
//! holds a credential: it sends to the declared base, and the host attaches what the user connected.
//!
//! A whole connector:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use toolkeep_connector::{schemars, *};
//!
//! #[derive(Deserialize, schemars::JsonSchema)]
//! #[schemars(crate = "toolkeep_connector::schemars")]
//! #[serde(deny_unknown_fields)]
//! struct OrderGet {
//!     /// Order number.
//!     order: String,
//! }
//!
//! #[derive(Serialize, Deserialize)]
//! struct Order {
//!     id: String,
//!     state: Option<String>,
//! }
//!
//! fn order_get(acme: &mut Context, arguments: OrderGet) -> Result<Order, ToolError> {
//!     acme.get("/orders/{id}").path("id", arguments.order).fetch()
//! }
//!
//! fn whoami(acme: &mut Context) -> Result<Account, ToolError> {
//!     let me: Order = acme.get("/me").fetch()?;
//!     Ok(Account { name: me.id.clone(), id: me.id, email: None, time_zone: None })
//! }
//!
//! static ACME: Connector = Connector {
//!     name: "acme",
//!     version: "1.0.0",
//!     title: "Acme",
//!     description: "Orders at Acme.",
//!     origins: &[Origin { base: "https://api.acme.example", ..Origin::PLAIN }],
//!     credentials: &[Credential {
//!         kind: CredentialKind::ApiKey("Acme, Settings, API keys."),
//!         origin: "api", header: "authorization", prefix: "Bearer ",
//!     }],
//!     identification: Identification { scopes: &[], routes: &[Route::get("/me")], run: whoami },
//!     errors: upstream_text,
//!     tools: &[Tool {
//!         name: "acme_order_get", title: "Get order",
//!         description: "One order by its number: id and state.",
//!         access: Access::Read, idempotent: true,
//!         scopes: &[], routes: &[Route::get("/orders/{id}")],
//!         handler: handler!(order_get),
//!     }],
//!     prompts: &[],
//! };
//! toolkeep_connector::export!(ACME);
//!
//! // Natively, the same connector runs against a script:
//! let upstream = testing::Script::at(0).answer("GET /orders/A%207", 200, r#"{"id":"A 7","state":null}"#);
//! let answer = ACME.call(upstream.environment(), "acme_order_get", r#"{"order":"A 7"}"#).unwrap();
//! assert_eq!(answer.structured.as_deref(), Some(r#"{"id":"A 7","state":null}"#));
//! ```
//!
//! Build it with `crate-type = ["cdylib"]` for `wasm32-wasip2`; keep `std::fs`, `std::net` and anything that
//! reads the environment out of it, because a component that imports them is refused when it is loaded.

pub mod bindings;
mod context;
mod declare;
pub mod error;
pub mod json;
mod paging;
mod request;
mod response;
mod run;
mod schema;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod wasi;

pub use bindings::toolkeep::connector::types::{Account, Blob, Content, Output, ToolError};
pub use context::{Context, Environment, Incoming, Level, Outgoing, SendError};
pub use declare::{
    Access, AccountField, Connector, Credential, CredentialKind, Handler, Identification, Origin, Prompt,
    PromptArgument, Route, Tool,
};
pub use error::{Upstream, quote, upstream_text};
pub use paging::{End, Lent, Page, Paging};
pub use request::{Method, Request};
pub use response::Response;
pub use run::{IntoOutput, input_schema, output_schema, run};
pub use schema::schema_of;
pub use schemars;
pub use wasi::Host;

/// Largest answer that is read, in bytes: a page of a hundred fat rows is a quarter of a megabyte, and the
/// instance's memory is bounded by the host.
pub const RESPONSE_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Makes a [`Handler`] of a function `fn(&mut Context, Args) -> Result<Answer, ToolError>`.
///
/// `handler!(f)` takes the input schema from `Args`; `handler!(f, with_output_schema)` also gives the
/// schema of `Answer`, which must then be `JsonSchema`.
#[macro_export]
macro_rules! handler {
    ($function:path) => {
        $crate::Handler {
            run: |context, arguments| $crate::run(context, arguments, $function),
            input: || $crate::input_schema($function),
            output: None,
        }
    };
    ($function:path, with_output_schema) => {
        $crate::Handler {
            run: |context, arguments| $crate::run(context, arguments, $function),
            input: || $crate::input_schema($function),
            output: Some(|| $crate::output_schema($function)),
        }
    };
}

/// Exports a `static` [`Connector`] as the component's `tool-provider`. Once per crate.
#[macro_export]
macro_rules! export {
    ($connector:ident) => {
        #[cfg(target_family = "wasm")]
        mod toolkeep_component {
            #![allow(unsafe_code, unreachable_pub, reason = "the generated exports cross the component boundary")]
            struct Component;
            impl $crate::bindings::exports::toolkeep::connector::tool_provider::Guest for Component {
                fn describe() -> $crate::bindings::toolkeep::connector::types::Connector {
                    super::$connector.describe()
                }
                fn identify() -> Result<$crate::Account, $crate::ToolError> {
                    super::$connector.identify(Box::new($crate::Host))
                }
                fn call(tool: String, arguments: String) -> Result<$crate::Output, $crate::ToolError> {
                    super::$connector.call(Box::new($crate::Host), &tool, &arguments)
                }
            }
            $crate::bindings::export_component!(Component with_types_in $crate::bindings);
        }
    };
}
