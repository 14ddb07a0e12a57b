//! What a connector exports for calls, each function taken from an instance when it is called. To take one is to check
//! its type, a microsecond each, and a call needs one of them. All of them are checked when a component is loaded,
//! because `describe` is run with every export taken.

use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, Instance};

use crate::bindings::toolkeep::connector::types as wit;
use crate::instance::State;

/// The exported interface. A component that exports it in a compatible version is found as well.
const PROVIDER: &str = "toolkeep:connector/tool-provider@0.1.0";

/// Where in a component the functions are.
pub(crate) struct Exports {
    call: ComponentExportIndex,
    identify: ComponentExportIndex,
}

impl Exports {
    /// Finds them.
    ///
    /// # Errors
    /// The component lacks one; the error names it.
    pub(crate) fn of(component: &Component) -> wasmtime::Result<Self> {
        let missing = |name: &str| wasmtime::format_err!("it does not export `{name}`");
        let provider = component.get_export_index(None, PROVIDER).ok_or_else(|| missing(PROVIDER))?;
        let function = |name: &str| component.get_export_index(Some(&provider), name).ok_or_else(|| missing(name));
        // Its type, and that of the others, is checked when it is run.
        function("describe")?;
        Ok(Self { call: function("call")?, identify: function("identify")? })
    }

    /// Runs a tool (WIT `tool-provider.call`).
    ///
    /// # Errors
    /// The guest trapped, or the engine failed.
    pub(crate) async fn call(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
        tool: &str,
        arguments: &str,
    ) -> wasmtime::Result<Result<wit::Output, wit::ToolError>> {
        let call =
            instance.get_typed_func::<(&str, &str), (Result<wit::Output, wit::ToolError>,)>(&mut *store, &self.call)?;
        Ok(call.call_async(store, (tool, arguments)).await?.0)
    }

    /// Asks whose credential a connection holds (WIT `tool-provider.identify`).
    ///
    /// # Errors
    /// The guest trapped, or the engine failed.
    pub(crate) async fn identify(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
    ) -> wasmtime::Result<Result<wit::Account, wit::ToolError>> {
        let identify =
            instance.get_typed_func::<(), (Result<wit::Account, wit::ToolError>,)>(&mut *store, &self.identify)?;
        Ok(identify.call_async(store, ()).await?.0)
    }
}
