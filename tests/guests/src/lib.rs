//! Components that the tests load. Each is an example of this package, so that each becomes a `.wasm` of its
//! own; `cargo xtask guests` builds them. What each one does stands at the top of its file.
