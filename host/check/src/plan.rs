//! Which cases there are: what is run, with which arguments, against which behaviour.

use hostile_upstream::{Behaviour, Chunks, Class, Echo, Flood, Form, Garbage, Place, Redirect, Slow, What};
use serde_json::Value;
use toolkeep_host::Description;

use crate::arguments::{self, Arguments};

/// Sets of arguments for one tool. A tool with ten arguments has some two hundred; a seed chooses among them.
const SETS: usize = 45;
/// The same in a quick check.
const QUICK_SETS: usize = 12;

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Work {
    /// A tool, by its place in the description.
    Tool(usize),
    /// `identify`.
    Identify,
}

/// What can be run, and for whom.
pub(crate) struct Target {
    pub(crate) work: Work,
    pub(crate) name: String,
    pub(crate) sends: bool,
    /// Users whose credential is bound where it sends.
    pub(crate) users: Vec<usize>,
    /// The arguments to try.
    pub(crate) sets: Vec<Arguments>,
}

/// The tools and `identify`. Nothing is run whose requests could go anywhere but to the upstreams here: a connection
/// moves the origin of its credential, and no other. What is left out is named.
pub(crate) fn targets(
    description: &Description,
    only: Option<&str>,
    quick: bool,
    seed: u64,
) -> (Vec<Target>, Vec<String>) {
    let users_for = |origins: Vec<&str>| -> Vec<usize> {
        let bound = |origin: &str| origins.iter().all(|wanted| *wanted == origin);
        let mut users: Vec<usize> = description
            .credentials
            .iter()
            .enumerate()
            .filter(|(_, credential)| bound(&credential.origin))
            .map(|(user, _)| user)
            .collect();
        if users.is_empty() && origins.is_empty() {
            users.push(0);
        }
        users
    };
    let most = if quick { QUICK_SETS } else { SETS };
    let (mut targets, mut left_out) = (Vec::new(), Vec::new());
    for (place, tool) in description.tools.iter().enumerate() {
        if only.is_some_and(|only| only != tool.name) {
            continue;
        }
        let users = users_for(tool.routes.iter().map(|route| route.origin.as_str()).collect());
        if users.is_empty() {
            left_out.push(tool.name.clone());
            continue;
        }
        targets.push(Target {
            work: Work::Tool(place),
            name: tool.name.clone(),
            sends: !tool.routes.is_empty(),
            users,
            sets: arguments::sets(&tool.input_schema, most, seed),
        });
    }
    if only.is_none() {
        let routes = &description.identification.routes;
        let users = users_for(routes.iter().map(|route| route.origin.as_str()).collect());
        if users.is_empty() || description.credentials.is_empty() {
            left_out.push("identify".to_owned());
        } else {
            let sets = vec![Arguments { why: "it takes none".to_owned(), value: Value::Null }];
            let sends = !routes.is_empty();
            targets.push(Target { work: Work::Identify, name: "identify".to_owned(), sends, users, sets });
        }
    }
    (targets, left_out)
}

/// What every target that sends meets.
pub(crate) fn for_each_target(quick: bool) -> Vec<Behaviour> {
    let echo = |place, form| Behaviour::Echo(Echo { what: What::Token, place, form, chunks: Chunks::Whole });
    let mut all = vec![
        echo(Place::JsonBody, Form::Raw),
        echo(Place::ErrorBody, Form::Raw),
        Behaviour::Status(401),
        Behaviour::Status(500),
        Behaviour::Garbage(Garbage::WrongTypes),
    ];
    if !quick {
        all.extend([
            echo(Place::JsonBody, Form::Base64 { offset: 1 }),
            echo(Place::JsonBody, Form::JsonEscapeAll),
            echo(Place::Header, Form::Raw),
            Behaviour::StoreAndReadBack,
            Behaviour::Redirect(Redirect::Elsewhere),
            Behaviour::Status(404),
            Behaviour::Status(429),
            Behaviour::Garbage(Garbage::HalfJson),
            Behaviour::Garbage(Garbage::Null),
            Behaviour::Garbage(Garbage::TerminalCodes),
            Behaviour::Flood(Flood::EndlessPages),
        ]);
    }
    all
}

/// What at least one target meets: the whole catalogue; in a quick check, each form once, each place once, and what
/// takes no time.
pub(crate) fn for_some_target(quick: bool) -> Vec<Behaviour> {
    Behaviour::catalogue().into_iter().filter(|behaviour| !quick || is_quick(behaviour)).collect()
}

fn is_quick(behaviour: &Behaviour) -> bool {
    match behaviour {
        Behaviour::Echo(echo) => {
            let in_body = echo.place == if echo.form.is_binary() { Place::Body } else { Place::JsonBody };
            echo.what == What::Token
                && ((in_body && echo.chunks == Chunks::Whole) || (echo.form == Form::Raw && echo.place != Place::Body))
        }
        Behaviour::Slow(slow) => *slow == Slow::NeverAnswers,
        Behaviour::Redirect(redirect) => *redirect == Redirect::ElsewhereWithBody,
        Behaviour::Flood(flood) => matches!(flood, Flood::EndlessBody | Flood::ManyHeaders),
        _ => true,
    }
}

/// Whether a canary that is seen after such an answer was transformed by somebody who wanted it to pass.
pub(crate) fn is_transformation(behaviour: &Behaviour) -> bool {
    matches!(behaviour, Behaviour::Echo(echo) if echo.form.class() == Class::Transformation)
}

/// How often the call is made: some behaviours give back what came before.
pub(crate) fn times(behaviour: &Behaviour) -> usize {
    if *behaviour == Behaviour::StoreAndReadBack { 2 } else { 1 }
}

/// Whether the upstream itself uses up a call's limits.
pub(crate) fn wears_out(behaviour: &Behaviour) -> bool {
    matches!(behaviour, Behaviour::Flood(_) | Behaviour::Slow(_) | Behaviour::Garbage(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_check_still_has_every_form_and_place() {
        let quick = for_some_target(true);
        let echoes: Vec<&Echo> =
            quick.iter().filter_map(|one| if let Behaviour::Echo(echo) = one { Some(echo) } else { None }).collect();
        for form in Form::ALL {
            assert!(echoes.iter().any(|echo| echo.form == form), "{form:?}");
        }
        for place in Place::ALL {
            assert!(echoes.iter().any(|echo| echo.place == place), "{place:?}");
        }
        assert!(quick.len() * 3 < for_some_target(false).len());
        assert_eq!(for_some_target(false).len(), Behaviour::catalogue().len());
    }
}
