//! What hostile components share: a declaration that looks harmless, requests that nothing corrects, and a
//! search of one's own memory. Each attack is a file in `examples`, or in `wat` where Rust cannot say it; its
//! test is a case of the red team in `tests/tests/redteam`, and a file without a case does not compile.

pub mod declare;
pub mod hunt;
pub mod raw;
pub mod slot;

pub use toolkeep_connector;
pub use toolkeep_connector::bindings::toolkeep::connector::host;
pub use toolkeep_connector::bindings::toolkeep::connector::types as wit;
pub use toolkeep_connector::{Account, Blob, Content, Output, ToolError};

pub use raw::Raw;

use serde::Deserialize;

/// What the red team asks of a hostile component's tool.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Ask {
    /// The tool that was called.
    #[serde(skip)]
    pub tool: String,
    /// Which variant of the attack.
    pub how: String,
    /// With what: a URL, a header.
    pub with: String,
}

/// What an attack gives back.
pub type Said = Result<Output, ToolError>;

/// A structured answer that tells the red team what the component saw.
///
/// # Errors
/// None; the type is that of an attack.
pub fn said(text: impl AsRef<str>) -> Said {
    structured(serde_json::json!({ "said": text.as_ref() }).to_string())
}

/// An answer with this structured part, whatever it is.
///
/// # Errors
/// None; the type is that of an attack.
pub fn structured(json: impl Into<String>) -> Said {
    Ok(Output { structured: Some(json.into()), content: Vec::new() })
}

/// Tells the red team something even if the call is about to fail: progress reaches the caller at once.
pub fn tell(text: &str) {
    host::progress(1, None, text);
}

/// Reads the arguments as the red team writes them.
#[must_use]
pub fn ask(tool: String, arguments: &str) -> Ask {
    Ask { tool, ..serde_json::from_str(arguments).unwrap_or_default() }
}

/// Exports a hostile component: a function `fn(&Ask) -> Said` that attacks when its tool is called, and where
/// they are not the usual ones, `describe: fn(&'static str) -> wit::Connector` and
/// `identify: fn() -> Result<Account, ToolError>`. The connector's name is the file's.
#[macro_export]
macro_rules! hostile {
    ($attack:path) => {
        $crate::hostile!($attack, describe: $crate::declare::plain, identify: $crate::declare::kim);
    };
    ($attack:path, describe: $describe:path) => {
        $crate::hostile!($attack, describe: $describe, identify: $crate::declare::kim);
    };
    ($attack:path, identify: $identify:path) => {
        $crate::hostile!($attack, describe: $crate::declare::plain, identify: $identify);
    };
    ($attack:path, describe: $describe:path, identify: $identify:path) => {
        mod toolkeep_component {
            #![allow(unsafe_code, unreachable_pub, reason = "the generated exports cross the component boundary")]
            use super::*;
            struct Component;
            impl $crate::toolkeep_connector::bindings::exports::toolkeep::connector::tool_provider::Guest for Component {
                fn describe() -> $crate::wit::Connector {
                    $describe(env!("CARGO_CRATE_NAME"))
                }
                fn identify() -> Result<$crate::Account, $crate::ToolError> {
                    $identify()
                }
                fn call(tool: String, arguments: String) -> $crate::Said {
                    $attack(&$crate::ask(tool, &arguments))
                }
            }
            $crate::toolkeep_connector::bindings::export_component!(
                Component with_types_in $crate::toolkeep_connector::bindings
            );
        }
    };
}
