//! `toolkeep-check`: a good connector passes, a faulty one is told its faults, and what no search can see is said.

use toolkeep_check::{Finding, Options, Report, Verdict, check};
use toolkeep_tests::{guest, pagerduty};

/// Checks a component, in a thread of its own as an asynchronous caller would.
fn report(wasm: Vec<u8>, options: &Options) -> Report {
    let told = std::sync::Mutex::new((0, 0));
    let report = check(wasm, options, &|step| *told.lock().unwrap() = (step.done, step.of)).unwrap();
    let (done, of) = *told.lock().unwrap();
    assert_eq!(done + 1, of, "progress counts every case");
    assert_eq!(report.coverage.cases, of);
    report
}

fn quick(tool: Option<&str>) -> Options {
    Options { quick: true, tool: tool.map(ToOwned::to_owned), ..Options::default() }
}

fn codes(findings: &[Finding], tool: &str) -> Vec<&'static str> {
    findings.iter().filter(|one| one.what.contains(tool)).map(|one| one.code).collect()
}

#[test]
fn the_pagerduty_connector_passes() {
    let report = report(pagerduty().unwrap(), &quick(None));
    assert_eq!(report.verdict, Verdict::Pass, "{:#?} {:#?}", report.leaks, report.faults);
    let coverage = &report.coverage;
    assert_eq!(coverage.tools.len(), 7, "six tools and identify");
    for tool in &coverage.tools {
        assert!(tool.requests > 0 && tool.answers > 0, "{tool:?} was really tried");
    }
    assert!(coverage.memories >= coverage.cases && coverage.memory_bytes > 1 << 20, "{coverage:?}");
    assert!(coverage.behaviours > 80, "{coverage:?}");
}

#[test]
fn each_fault_is_named_with_a_case_that_shows_it() {
    let report = report(guest("faulty").unwrap(), &quick(None));
    assert_eq!(report.verdict, Verdict::Fail);
    for (tool, code) in [
        ("faulty_traps", "trap"),
        ("faulty_strays", "undeclared_request"),
        ("faulty_counts", "answer_invalid"),
        ("faulty_loops", "limit_reached"),
    ] {
        let found = codes(&report.faults, tool);
        assert!(found.contains(&code), "{tool}: {found:?}");
        assert!(codes(&report.faults, tool).iter().all(|found| *found == code), "{tool}: {found:?}");
    }
    for (tool, code) in [
        ("faulty_refuses", "schema_wider_than_tool"),
        ("faulty_refuses", "never_answered"),
        ("faulty_idles", "never_sent"),
    ] {
        assert!(codes(&report.warnings, tool).contains(&code), "{tool}: {:#?}", report.warnings);
    }
    let stray = report.faults.iter().find(|one| one.code == "undeclared_request").unwrap();
    assert!(stray.what.contains("route_not_declared"), "{stray:?}");
    let case = stray.case.as_ref().unwrap();
    assert_eq!((case.tool.as_str(), case.upstream.as_str()), ("faulty_strays", "plausible"));
    assert!(codes(&report.faults, "faulty_quotes").is_empty(), "{:#?}", report.faults);
}

/// A tool that gives the upstream's words to everybody shows where a transformed credential would go, which no host
/// can promise to see; and that a cipher is seen by nobody, the check included.
#[test]
fn what_is_transformed_on_purpose_is_seen_and_said_to_be_beyond_a_promise() {
    let report = report(guest("faulty").unwrap(), &quick(Some("faulty_quotes")));
    let mut places: Vec<&str> = report.known_limits.iter().map(|one| one.place).collect();
    places.sort_unstable();
    places.dedup();
    for place in ["answer", "guest memory", "log", "progress"] {
        assert!(places.contains(&place), "the finder looks there: {places:?}");
    }
    let upstreams: Vec<&str> =
        report.known_limits.iter().filter_map(|one| one.case.as_ref()).map(|case| case.upstream.as_str()).collect();
    assert!(upstreams.iter().any(|upstream| upstream.contains("base64twice")), "{upstreams:?}");
    assert!(!upstreams.iter().any(|upstream| upstream.contains("xor")), "{upstreams:?}");
    assert_eq!(report.leaks.len(), 0, "{:#?}", report.leaks);
}

#[test]
fn the_same_seed_makes_the_same_cases_and_a_wrong_name_is_told() {
    let told = |seed: u64| {
        let cases = std::sync::Mutex::new(Vec::new());
        let options = Options { seed, ..quick(Some("fixture_echo")) };
        check(guest("fixture").unwrap(), &options, &|step| cases.lock().unwrap().push(step.what.clone())).unwrap();
        cases.into_inner().unwrap()
    };
    assert_eq!(told(3), told(3));
    let error = check(guest("fixture").unwrap(), &quick(Some("fixture_none")), &|_| {}).unwrap_err();
    assert_eq!(error.code(), "unknown_tool");
    assert!(error.to_string().contains("fixture_echo"), "{error}");
    assert_eq!(check(b"no component".to_vec(), &quick(None), &|_| {}).unwrap_err().code(), "not_a_component");
}
