//! Routes: a template means exactly the paths it shows, and nothing that another reading of it could add.
#![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use toolkeep_policy::{Base, EgressPolicy, Method, OriginMapping, PathTemplate, Route, Target};

const BASE: &str = "https://api.example.com";
/// The value of a parameter, as an honest connector writes it.
const VALUE: &str = "([A-Za-z0-9_~!$&'()*+,=@-]|%20|%3A|%C3%A9){1,6}";
/// Any segment of a path: a `:` begins another operation.
const SEGMENT: &str = "([A-Za-z0-9_~!$&'()*+,=:@-]|%20|%C3%A9){1,6}";

/// One segment of a template and a path: a parameter's name, its value or the fixed text, and what follows it.
fn pair() -> impl Strategy<Value = (Option<String>, String, String)> {
    prop_oneof![
        "[A-Za-z0-9_~-]{1,6}(:[a-z]{1,3}){0,2}".prop_map(|word| (None, word, String::new())),
        ("[a-z]{1,3}", VALUE, "(:[a-z]{1,4})?").prop_map(|(name, value, verb)| (Some(name), value, verb)),
    ]
}

/// A template, a path that fits it, and the parameters, with names made distinct by their place.
fn template_and_path() -> impl Strategy<Value = (String, String, Vec<(String, String)>)> {
    prop::collection::vec(pair(), 0..8).prop_map(|pairs| {
        let (mut template, mut path, mut parameters) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (name, text, verb)) in pairs.into_iter().enumerate() {
            path.push(format!("{text}{verb}"));
            match name {
                None => template.push(text),
                Some(name) => {
                    template.push(format!("{{{name}{place}}}{verb}"));
                    parameters.push((format!("{name}{place}"), text));
                }
            }
        }
        (format!("/{}", template.join("/")), format!("/{}", path.join("/")), parameters)
    })
}

fn target(path: &str) -> Target {
    Target::parse(&format!("{BASE}{path}")).unwrap()
}

/// A segment and what stands behind its colon.
fn operation(segment: &str) -> (&str, Option<&str>) {
    segment.split_once(':').map_or((segment, None), |(before, after)| (before, Some(after)))
}

fn policy(routes: Vec<Route>) -> EgressPolicy {
    let base = Base::parse(BASE).unwrap();
    let mapping = OriginMapping { declared: base.clone(), real: base };
    EgressPolicy::new(BTreeMap::from([("api".to_owned(), mapping)]), routes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_template_matches_its_path_and_gives_its_parameters((template, path, parameters) in template_and_path()) {
        let template = PathTemplate::parse(&template).unwrap();
        prop_assert_eq!(template.matches(&target(&path)).unwrap(), &*parameters);
        // The parameters put back into the template are the path.
        let again = parameters
            .iter()
            .fold(template.as_str().to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
        prop_assert_eq!(again, path);
        for (_, value) in &parameters {
            prop_assert!(!value.contains(['/', ':']) && !value.is_empty());
        }
    }

    /// Another operation on what a route names is not of that route.
    #[test]
    fn a_path_with_an_operation_more_is_another((template, path, _) in template_and_path(), verb in "[a-z]{0,6}") {
        let template = PathTemplate::parse(&template).unwrap();
        for (at, _) in path.match_indices('/').skip(1).chain([(path.len(), "")]) {
            let (before, after) = path.split_at(at);
            if before != "/" {
                let other = target(&format!("{before}:{verb}{after}"));
                prop_assert!(template.matches(&other).is_none());
            }
        }
    }

    #[test]
    fn a_path_with_more_less_or_other_segments_is_another(
        (template, path, _) in template_and_path(),
        extra in SEGMENT,
        query in "[a-z/{}]{0,8}",
    ) {
        let template = PathTemplate::parse(&template).unwrap();
        let longer = if path == "/" { format!("/{extra}") } else { format!("{path}/{extra}") };
        prop_assert!(template.matches(&target(&longer)).is_none());
        let (shorter, _) = path.rsplit_once('/').unwrap();
        if path != "/" {
            let shorter = if shorter.is_empty() { "/" } else { shorter };
            prop_assert!(template.matches(&target(shorter)).is_none());
        }
        // A query takes no part.
        if let Ok(with_query) = Target::parse(&format!("{BASE}{path}?{query}")) {
            prop_assert!(template.matches(&with_query).is_some());
        }
        if let Some((at, _)) = template.as_str().match_indices('/').find(|(at, _)| {
            template.as_str().get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
        }) {
            // A fixed segment in other letters is another segment.
            let place = template.as_str().get(..at).unwrap().matches('/').count();
            let mut segments: Vec<String> = target(&path).segments().map(ToOwned::to_owned).collect();
            let segment = segments.get_mut(place).unwrap();
            let flipped = |c: char| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            *segment = segment.chars().map(flipped).collect();
            let path = format!("/{}", segments.join("/"));
            prop_assert!(template.matches(&target(&path)).is_none());
        }
    }

    /// Only what one of the routes says: method, origin and path, by a second reading of the template.
    #[test]
    fn a_decision_rests_on_a_route(
        routes in prop::collection::vec((0_usize..6, "(/([ab](:b)?|\\{[ab]\\}(:b)?)){1,3}"), 0..5),
        method in prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "get", ""]),
        path in "(/[abc](:[bc])?){1,4}",
    ) {
        let methods = [Method::Get, Method::Head, Method::Post, Method::Put, Method::Patch, Method::Delete];
        let routes: Vec<Route> = routes
            .into_iter()
            .filter_map(|(method, path)| {
                let path = PathTemplate::parse(&path).ok()?;
                Some(Route { method: *methods.get(method)?, origin: "api".to_owned(), path })
            })
            .collect();
        let fits = |route: &&Route| {
            let (template, path): (Vec<_>, Vec<_>) = (route.path.as_str().split('/').collect(), path.split('/').collect());
            route.method.as_str() == method
                && template.len() == path.len()
                && template.iter().zip(path).all(|(segment, value)| {
                    let ((segment, verb), (value, of)) = (operation(segment), operation(value));
                    verb == of && (segment.starts_with('{') || segment == value)
                })
        };
        let decided = policy(routes.clone()).decide(method, &target(&path));
        prop_assert_eq!(decided.ok().map(|decision| decision.route), routes.iter().find(fits).cloned());
    }

    #[test]
    fn no_text_makes_a_template_panic_or_speak_in_tongues(text in "(/|\\{|\\}|:|a|\\.|\\PC|\\p{Cc}|\u{202e}){0,40}") {
        match PathTemplate::parse(&text) {
            Ok(template) => {
                prop_assert_eq!(template.as_str(), &text);
                prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
            }
            Err(error) => prop_assert!(!error.to_string().chars().any(toolkeep_policy::text::is_unsafe)),
        }
    }
}
