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
    let refused: [(Bomb, &str); 12] = [
        (bombs::joins(1, 2_900, 50, 4).unwrap(), "branches times local variables in one function"),
        (bombs::joins(20, 2_990, 50, 1).unwrap(), "branches times local variables; at most"),
        (bombs::joins(1, 10, 51, 1).unwrap(), "loops inside each other"),
        (bombs::block_values(1, 16, 140_000).unwrap(), "bytes of code in one function"),
        (bombs::block_values(1, 17, 1).unwrap(), "results of a function"),
        (bombs::branch_tables(1, 530_000, 100).unwrap(), "bytes of code in one function"),
        (bombs::empty_functions(60_001).unwrap(), "functions"),
        (bombs::idle_locals(1, 3_001).unwrap(), "local variables in one function"),
        (bombs::idle_locals(667, 3_000).unwrap(), "local variables; at most"),
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

/// A small component that has exactly `most` of what a limit counts. None is a connector.
fn small() -> Vec<(&'static str, u64, Bomb)> {
    let text = |wat: &str| Bomb { name: wat.to_owned(), wasm: wat::parse_str(wat).unwrap() };
    let two_modules = "(component (core module (func (local i32 i32 i32))) (core module (func (local i64))))";
    // A body is its declarations of variables and its end: `01 03 7f 0b` and `01 01 7e 0b`.
    vec![
        ("component_code_bytes", 8, text(two_modules)),
        ("component_function_bytes", 4, text(two_modules)),
        ("component_functions", 2, text(two_modules)),
        ("component_function_locals", 3, text(two_modules)),
        ("component_locals", 4, text(two_modules)),
        // Without a branch there is one way through each.
        ("component_function_joins", 3, text(two_modules)),
        ("component_joins", 4, text(two_modules)),
        ("component_modules", 2, text(two_modules)),
        ("component_loop_depth", 2, text("(component (core module (func loop loop end end loop end)))")),
        ("component_parameters", 5, bombs::calls(1, 5, 1).unwrap()),
        ("component_results", 3, bombs::block_values(1, 3, 1).unwrap()),
        ("component_types", 3, text("(component (type (tuple u8 u8)))")),
        (
            "component_items",
            4,
            text("(component (core module (func) (memory 1) (export \"f\" (func 0)) (data \"a\") (data \"b\")))"),
        ),
        ("component_parts", 2, text("(component (component) (component))")),
    ]
}

#[tokio::test]
async fn each_bound_on_compiling_is_where_it_is_set() {
    let small = small();
    for limit in Limits::default().list().iter().filter(|limit| limit.name.starts_with("component_")) {
        let tried = limit.name == "component_bytes" || small.iter().any(|(name, _, _)| *name == limit.name);
        assert!(tried, "no component here has too much of what {} counts", limit.name);
    }
    for (name, most, bomb) in small {
        for (set, is_refused) in [(most, false), (most - 1, true)] {
            let mut limits = Limits::default();
            limits.set(name, set).unwrap();
            let (_stage, builder) = builder(limits);
            let error = builder.build().unwrap().load(&bomb.wasm).await.unwrap_err();
            assert_eq!(error.code() == "component_too_complex", is_refused, "{name}={set}: {error}");
            assert_eq!(error.to_string().contains(&format!("(limit {name})")), is_refused, "{name}={set}: {error}");
        }
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
