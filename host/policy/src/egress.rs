//! Whether the running tool may make this request: the decision behind the gate, without its I/O.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::route::{Method, Route};
use crate::target::{Base, Target};

/// An allowed request: which declaration allowed it, and where it really goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressDecision {
    /// The declared origin's name.
    pub origin: String,
    /// The real base that the connection selected.
    pub base: Base,
    /// The route that allowed it, as declared: the rule that decided.
    pub route: Route,
    /// The path parameters that the host itself matched.
    pub parameters: Vec<(String, String)>,
}

/// A refused request: the rule that decided, for the operator. The connector learns only that it was denied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// The method is not one that a route may name.
    #[error("the method {0:?} is never sent")]
    Method(String),
    /// No declared origin has this base.
    #[error("no declared origin has the base {0}")]
    Origin(String),
    /// The origin is declared, but no route of the running tool allows the method and path.
    #[error("the tool declares no route for {method} {path} on the origin `{origin}`")]
    Route {
        /// The method that was asked for.
        method: &'static str,
        /// The path that was asked for, cut at 256 bytes.
        path: String,
        /// The origin's name.
        origin: String,
    },
}

impl Denial {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Method(_) => "method_never_sent",
            Self::Origin(_) => "origin_not_declared",
            Self::Route { .. } => "route_not_declared",
        }
    }
}

/// One origin, as declared and as the connection maps it.
#[derive(Debug, Clone)]
pub struct OriginMapping {
    /// What the connector sends to.
    pub declared: Base,
    /// Where it really goes.
    pub real: Base,
}

/// What the running tool may do: its routes over the connector's origins.
#[derive(Debug, Clone, Default)]
pub struct EgressPolicy {
    origins: BTreeMap<String, OriginMapping>,
    routes: Arc<[Route]>,
}

impl EgressPolicy {
    /// A policy from the mapped origins and the running tool's routes. Without either, everything is denied.
    #[must_use]
    pub fn new(origins: BTreeMap<String, OriginMapping>, routes: impl Into<Arc<[Route]>>) -> Self {
        Self { origins, routes: routes.into() }
    }

    /// Decides. `method` is as the connector wrote it.
    ///
    /// # Errors
    /// [`Denial`] with the rule that decided.
    pub fn decide(&self, method: &str, target: &Target) -> Result<EgressDecision, Denial> {
        let verb = Method::parse(method).ok_or_else(|| Denial::Method(method.chars().take(16).collect()))?;
        let (name, mapping) = self
            .origins
            .iter()
            .find(|(_, mapping)| mapping.declared == *target.base())
            .ok_or_else(|| Denial::Origin(target.base().to_string()))?;
        for route in self.routes.iter().filter(|route| route.method == verb && route.origin == *name) {
            if let Some(parameters) = route.path.matches(target) {
                return Ok(EgressDecision {
                    origin: name.clone(),
                    base: mapping.real.clone(),
                    route: route.clone(),
                    parameters,
                });
            }
        }
        Err(Denial::Route {
            method: verb.as_str(),
            path: target.path().chars().take(256).collect(),
            origin: name.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;
    use crate::route::PathTemplate;

    fn policy() -> EgressPolicy {
        let declared = Base::parse("https://api.pagerduty.com").unwrap();
        let real = Base::parse("https://api.eu.pagerduty.com").unwrap();
        let route = Route {
            method: Method::Get,
            origin: "api".to_owned(),
            path: PathTemplate::parse("/incidents/{id}").unwrap(),
        };
        EgressPolicy::new(BTreeMap::from([("api".to_owned(), OriginMapping { declared, real })]), vec![route])
    }

    fn code(method: &str, url: &str) -> &'static str {
        policy().decide(method, &Target::parse(url).unwrap()).map_or_else(|denial| denial.code(), |_| "allowed")
    }

    #[test]
    fn a_read_tool_reads_and_nothing_else() {
        assert_eq!(code("GET", "https://api.pagerduty.com/incidents/P1?include[]=notes"), "allowed");
        assert_eq!(code("POST", "https://api.pagerduty.com/incidents/P1"), "route_not_declared");
        assert_eq!(code("PUT", "https://api.pagerduty.com/incidents/P1"), "route_not_declared");
        assert_eq!(code("GET", "https://api.pagerduty.com/users"), "route_not_declared");
        assert_eq!(code("CONNECT", "https://api.pagerduty.com/incidents/P1"), "method_never_sent");
        assert_eq!(code("get", "https://api.pagerduty.com/incidents/P1"), "method_never_sent");
    }

    #[test]
    fn only_the_declared_base_is_known_and_the_real_one_is_the_hosts() {
        assert_eq!(code("GET", "https://api.eu.pagerduty.com/incidents/P1"), "origin_not_declared");
        assert_eq!(code("GET", "https://api.pagerduty.com.evil.example/incidents/P1"), "origin_not_declared");
        assert_eq!(code("GET", "https://api.pagerduty.com:8443/incidents/P1"), "origin_not_declared");
        let decision =
            policy().decide("GET", &Target::parse("https://api.pagerduty.com/incidents/P1").unwrap()).unwrap();
        assert_eq!(decision.base.to_string(), "https://api.eu.pagerduty.com");
        assert_eq!(decision.parameters, [("id".to_owned(), "P1".to_owned())]);
    }

    #[test]
    fn an_empty_policy_denies() {
        let target = Target::parse("https://api.pagerduty.com/incidents/P1").unwrap();
        assert!(EgressPolicy::default().decide("GET", &target).is_err());
    }
}
