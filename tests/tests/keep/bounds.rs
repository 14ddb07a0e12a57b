//! What a component may cost to compile: what is over a bound is refused before anything is compiled.

use std::sync::Arc;

use toolkeep_host::{Host, HostBuilder, Limits};
use toolkeep_tests::bombs::{self, Bomb};
use toolkeep_tests::{Everything, Stage, guest};

fn builder(limits: Limits) -> (Stage, HostBuilder) {
    let stage = Stage::new("http://127.0.0.1:1", Limits::default()).unwrap();
    let builder = Host::builder(Arc::clone(stage.host.vault()), stage.host.audit().clone())
        .limits(limits)
        .approvals(Arc::new(Everything));
    (stage, builder)
}

#[tokio::test]
async fn what_could_take_long_is_refused_by_what_it_has_too_much_of() {
    let (_stage, builder) = builder(Limits::default());
    let host = builder.build().unwrap();
    let refused: [(Bomb, &str); 11] = [
        (bombs::joins(1, 3_000, 1_400).unwrap(), "branches times local variables in one function"),
        (bombs::joins(130, 500, 1_000).unwrap(), "branches times local variables"),
        (bombs::block_values(1, 16, 140_000).unwrap(), "bytes of code in one function"),
        (bombs::block_values(1, 17, 1).unwrap(), "results of a function"),
        (bombs::branch_tables(1, 530_000, 100).unwrap(), "bytes of code in one function"),
        (bombs::empty_functions(60_001).unwrap(), "functions"),
        (bombs::idle_locals(1, 10_001).unwrap(), "local variables in one function"),
        (bombs::idle_locals(201, 10_000).unwrap(), "local variables"),
        (bombs::calls(1, 65, 1).unwrap(), "parameters of a function"),
        (bombs::data_segments(100_001).unwrap(), "other items"),
        (
            bombs::straight("additions", 30, 60_000, "(local.set 0 (i32.add (local.get 0) (i32.const 7)))").unwrap(),
            "bytes of code",
        ),
    ];
    for (bomb, what) in refused {
        let error = host.load(&bomb.wasm).await.unwrap_err();
        assert_eq!(error.code(), "component_too_complex", "{}: {error}", bomb.name);
        assert!(error.to_string().contains(what), "{}: {error}", bomb.name);
    }
}

#[tokio::test]
async fn a_component_of_components_is_refused() {
    let (_stage, builder) = builder(Limits::default());
    let host = builder.build().unwrap();
    let inner = wat::parse_str("(component (component (core module (func))))").unwrap();
    for wasm in [bombs::adapters(1, 2).unwrap().wasm, inner] {
        assert_eq!(host.load(&wasm).await.unwrap_err().code(), "component_composed");
    }
    let deep = wat::parse_str("(component (component (component (component))))").unwrap();
    assert_eq!(host.load(&deep).await.unwrap_err().code(), "component_too_complex");
}

#[tokio::test]
async fn a_compilation_is_waited_for_within_a_limit() {
    let mut limits = Limits::default();
    limits.compile_ms = 1;
    let (_stage, builder) = builder(limits);
    let host = builder.build().unwrap();
    // Some hundred milliseconds of compiling on any machine.
    let slow = bombs::straight("additions", 6, 60_000, "(local.set 0 (i32.add (local.get 0) (i32.const 7)))").unwrap();
    let error = host.load(&slow.wasm).await.unwrap_err();
    assert_eq!(error.code(), "compile_too_slow", "{error}");
    // The next one waits for its turn, and not for ever.
    let error = host.load(&guest("fixture").unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "compile_too_slow", "{error}");
}
