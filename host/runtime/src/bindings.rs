//! The contract in `wit/`, as Rust types: where a guest is run, and where what it says is checked.

#![allow(missing_docs, unreachable_pub, reason = "generated from wit/, which documents every item")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "generated code; what it indexes it has made itself"
)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "toolkeep:connector/connector",
    imports: { default: trappable },
    exports: { default: async },
    require_store_data_send: true,
    additional_derives: [PartialEq],
    with: {
        "wasi:io": wasmtime_wasi::p2::bindings::io,
        "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        "wasi:random": wasmtime_wasi::p2::bindings::random,
        "wasi:http": wasmtime_wasi_http::p2::bindings::http,
    },
});
