//! A connector that looks at the clock to describe itself: it could say one thing to a reviewer and another
//! to a model.

#![cfg(target_family = "wasm")]
#![allow(missing_docs, reason = "a guest's surface is its description")]

#[cfg(target_family = "wasm")]
mod component {
    #![allow(unsafe_code, unreachable_pub, reason = "the generated exports cross the component boundary")]

    use toolkeep_connector::bindings::exports::toolkeep::connector::tool_provider::Guest;
    use toolkeep_connector::bindings::toolkeep::connector::types::{Connector, Identification};
    use toolkeep_connector::bindings::wasi::clocks::wall_clock;
    use toolkeep_connector::{Account, Output, ToolError};

    struct Component;

    impl Guest for Component {
        fn describe() -> Connector {
            Connector {
                name: "asks".to_owned(),
                version: format!("1.0.{}", wall_clock::now().seconds),
                title: "Asks".to_owned(),
                description: "Another one each second.".to_owned(),
                origins: Vec::new(),
                credentials: Vec::new(),
                identification: Identification { scopes: Vec::new(), routes: Vec::new() },
                tools: Vec::new(),
                prompts: Vec::new(),
            }
        }

        fn identify() -> Result<Account, ToolError> {
            Err(ToolError::Other("nobody".to_owned()))
        }

        fn call(_: String, _: String) -> Result<Output, ToolError> {
            Err(ToolError::Other("nothing".to_owned()))
        }
    }

    toolkeep_connector::bindings::export_component!(Component with_types_in toolkeep_connector::bindings);
}
