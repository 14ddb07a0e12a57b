//! Routes as a connector declares them, and requests as it makes them.

use std::collections::BTreeMap;

use toolkeep_policy::{Base, Denial, EgressPolicy, Method, OriginMapping, PathTemplate, Route, Target};

const DECLARED: &str = "https://api.example.com";
const REAL: &str = "https://api.eu.example.com:8443";

/// The input is lines: the request as `METHOD URL`, and then routes as `METHOD TEMPLATE`.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines = text.lines();
    let (method, url) = lines.next().and_then(|line| line.split_once(' ')).unwrap_or_default();
    let routes: Vec<Route> = lines.filter_map(route).collect();
    let Ok(target) = Target::parse(url) else { return };
    let (Ok(declared), Ok(real)) = (Base::parse(DECLARED), Base::parse(REAL)) else { return };
    let mapping = OriginMapping { declared, real };
    let policy = EgressPolicy::new(BTreeMap::from([("api".to_owned(), mapping)]), routes.clone());

    let to_the_origin = target.to_string().starts_with(&format!("{DECLARED}/"));
    let fitting = routes.iter().filter(|_| to_the_origin).find(|route| fits(route, method, target.path()));
    match policy.decide(method, &target) {
        Ok(decision) => {
            assert_eq!(Some(&decision.route), fitting, "allowed by another route");
            assert_eq!(decision.base.to_string(), REAL);
            put_back(&decision.route.path, &decision.parameters, target.path());
        }
        Err(denial) => {
            assert_eq!(fitting, None, "refused as {denial}");
            match denial {
                Denial::Method(_) => assert_eq!(Method::parse(method), None),
                Denial::Origin(_) => assert!(!to_the_origin),
                _ => assert!(to_the_origin && Method::parse(method).is_some()),
            }
        }
    }
}

fn route(line: &str) -> Option<Route> {
    let (method, template) = line.split_once(' ')?;
    let path = match PathTemplate::parse(template) {
        Ok(path) => path,
        Err(error) => {
            assert!(!error.to_string().chars().any(toolkeep_policy::text::is_unsafe), "{error}");
            return None;
        }
    };
    assert_eq!(path.as_str(), template);
    Some(Route { method: Method::parse(method)?, origin: "api".to_owned(), path })
}

/// A second reading of a template: of as many segments as the path, each the same, or a parameter with the same
/// operation behind it, or none.
fn fits(route: &Route, method: &str, path: &str) -> bool {
    let template = route.path.as_str();
    route.method.as_str() == method
        && template.matches('/').count() == path.matches('/').count()
        && template.split('/').zip(path.split('/')).all(|(segment, value)| {
            let (parameter, verb) = operation(segment);
            let (value_itself, of) = operation(value);
            segment == value || (parameter.starts_with('{') && verb == of && !value_itself.is_empty())
        })
}

/// A segment, and what stands behind its first colon, with it.
fn operation(segment: &str) -> (&str, &str) {
    segment.split_at(segment.find(':').unwrap_or(segment.len()))
}

/// The parameters, put back into the template, give the path again.
fn put_back(template: &PathTemplate, parameters: &[(String, String)], path: &str) {
    let mut parameters = parameters.iter();
    for (segment, value) in template.as_str().split('/').zip(path.split('/')) {
        let (parameter, verb) = operation(segment);
        let Some(name) = parameter.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
            assert_eq!(segment, value);
            continue;
        };
        let (value, of) = operation(value);
        assert_eq!(verb, of, "of another operation");
        // Records keep the beginning of a long value.
        let kept: String = value.chars().take(toolkeep_policy::route::MAX_PARAMETER_BYTES).collect();
        assert_eq!(parameters.next(), Some(&(name.to_owned(), kept)));
    }
    assert_eq!(parameters.next(), None);
}
