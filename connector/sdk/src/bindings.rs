//! The Rust face of `wit/`: generated when the crate is compiled, so that it cannot drift from the contract.
//!
//! A connector rarely names anything here: the crate root re-exports what authors need. The imports work
//! inside a component only; natively they abort, which is why everything above them goes through
//! [`crate::Environment`].
#![allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    clippy::all,
    clippy::restriction,
    reason = "generated code keeps its own rules; the documentation of each item stands in wit/connector.wit"
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "connector",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "toolkeep_connector::bindings",
});
