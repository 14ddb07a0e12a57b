//! Harbour & Finch, an online retailer: its teams, people, services, schedules and escalation policies.
//!
//! The tables are written by hand in this folder. Here they are tied together: names become shared
//! references, so that nothing looks anything up by number later.

mod escalation;
pub(crate) mod open;
mod people;
mod services;
pub(crate) mod symptoms;

use crate::random::identifier;
use anyhow::{Context, Result};
use std::sync::Arc;

/// The account's name in web addresses.
pub(crate) const SUBDOMAIN: &str = "harbour-finch";

pub(crate) struct Team {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
}

pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) email: String,
    pub(crate) role: &'static str,
    pub(crate) time_zone: &'static str,
    pub(crate) job_title: &'static str,
    pub(crate) teams: Vec<Arc<Team>>,
}

pub(crate) struct Priority {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) color: &'static str,
    /// Highest first, as the account sorts them.
    pub(crate) order: u32,
}

/// A weekly or daily rotation: the users take turns of equal length, in order, without gaps.
pub(crate) struct Schedule {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) time_zone: &'static str,
    pub(crate) users: Vec<Arc<User>>,
    pub(crate) turn_s: i64,
    /// When the first user's turn at the simulator's start began, in Unix seconds.
    pub(crate) anchor_s: i64,
    pub(crate) team: Arc<Team>,
}

/// One stretch of being on call; the end is not part of it. Unix seconds.
pub(crate) struct Shift {
    pub(crate) user: Arc<User>,
    pub(crate) start_s: i64,
    pub(crate) end_s: i64,
}

impl Schedule {
    /// The shifts that overlap `since_s..=until_s`, in order; at most `limit` of them.
    pub(crate) fn shifts(&self, since_s: i64, until_s: i64, limit: usize) -> Vec<Shift> {
        let first = since_s.saturating_sub(self.anchor_s).div_euclid(self.turn_s);
        let last = until_s.saturating_sub(self.anchor_s).div_euclid(self.turn_s);
        (first..=last).take(limit).filter_map(|turn| self.shift(turn)).collect()
    }

    fn shift(&self, turn: i64) -> Option<Shift> {
        let count = i64::try_from(self.users.len()).ok().filter(|&count| count > 0)?;
        let user = self.users.get(usize::try_from(turn.rem_euclid(count)).ok()?)?;
        let start_s = self.anchor_s.checked_add(turn.checked_mul(self.turn_s)?)?;
        Some(Shift { user: Arc::clone(user), start_s, end_s: start_s.checked_add(self.turn_s)? })
    }
}

pub(crate) enum Target {
    User(Arc<User>),
    Schedule(Arc<Schedule>),
}

pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) delay_minutes: u32,
    pub(crate) targets: Vec<Target>,
}

pub(crate) struct Policy {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) team: Arc<Team>,
    pub(crate) loops: u32,
    pub(crate) rules: Vec<Rule>,
}

impl Policy {
    /// Who is on call at `at_s` on a level, counted from 1, each person once.
    pub(crate) fn on_call(&self, level: usize, at_s: i64) -> Vec<Arc<User>> {
        let mut people: Vec<Arc<User>> = Vec::new();
        let rule = level.checked_sub(1).and_then(|index| self.rules.get(index));
        for target in rule.iter().flat_map(|rule| rule.targets.iter()) {
            let user = match target {
                Target::User(user) => Some(Arc::clone(user)),
                Target::Schedule(schedule) => schedule.shifts(at_s, at_s, 1).into_iter().next().map(|shift| shift.user),
            };
            if let Some(user) = user.filter(|user| people.iter().all(|other| other.id != user.id)) {
                people.push(user);
            }
        }
        people
    }
}

/// What a service is doing apart from its incidents.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upkeep {
    Normal,
    Maintenance,
    Disabled,
}

pub(crate) struct Service {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) team: Arc<Team>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) upkeep: Upkeep,
    /// How often it breaks, against the others.
    pub(crate) weight: u32,
    pub(crate) integration: &'static str,
    pub(crate) created_at_s: i64,
}

/// The whole company. It does not change while the simulator runs.
pub(crate) struct Company {
    pub(crate) teams: Vec<Arc<Team>>,
    pub(crate) users: Vec<Arc<User>>,
    pub(crate) priorities: Vec<Arc<Priority>>,
    pub(crate) schedules: Vec<Arc<Schedule>>,
    pub(crate) policies: Vec<Arc<Policy>>,
    pub(crate) services: Vec<Arc<Service>>,
}

impl Company {
    /// Ties the tables together around `now_s`, at which the first person of each rotation is on call.
    pub(crate) fn new(now_s: i64) -> Result<Company> {
        let teams = people::teams();
        let users = people::users(&teams)?;
        let priorities = people::priorities();
        let schedules = escalation::schedules(&teams, &users, now_s)?;
        let policies = escalation::policies(&teams, &users, &schedules)?;
        let services = services::services(&teams, &policies, now_s)?;
        Ok(Company { teams, users, priorities, schedules, policies, services })
    }

    pub(crate) fn user(&self, id: &str) -> Option<&Arc<User>> {
        self.users.iter().find(|user| user.id == id)
    }

    pub(crate) fn user_by_email(&self, email: &str) -> Option<&Arc<User>> {
        self.users.iter().find(|user| user.email.eq_ignore_ascii_case(email))
    }

    pub(crate) fn service(&self, id: &str) -> Option<&Arc<Service>> {
        self.services.iter().find(|service| service.id == id)
    }

    pub(crate) fn policy(&self, id: &str) -> Option<&Arc<Policy>> {
        self.policies.iter().find(|policy| policy.id == id)
    }
}

/// The team, person or policy of that name; an error names the missing one, since only a slip in the
/// tables can cause it.
fn named<T>(items: &[Arc<T>], name: &str, of: impl Fn(&T) -> &'static str) -> Result<Arc<T>> {
    items
        .iter()
        .find(|item| of(item) == name)
        .map(Arc::clone)
        .with_context(|| format!("the company's tables name {name:?}, which they do not define"))
}

/// A seven-character identifier such as PagerDuty gives to everything but incidents.
fn short_id(kind: &str, name: &str) -> String {
    identifier("P", 7, kind, name, 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_tables_agree_with_each_other() {
        let company = Company::new(1_800_000_000).unwrap();
        assert!(company.services.len() >= 25);
        assert!(company.users.len() >= 30);
        let ids: HashSet<_> = company.users.iter().map(|user| &user.id).collect();
        assert_eq!(ids.len(), company.users.len());
        let ids: HashSet<_> = company.services.iter().map(|service| &service.id).collect();
        assert_eq!(ids.len(), company.services.len());
        for policy in &company.policies {
            assert!(!policy.on_call(1, 1_800_000_000).is_empty(), "{}", policy.name);
        }
    }

    #[test]
    fn shifts_meet_without_gap() {
        let company = Company::new(1_800_000_000).unwrap();
        for schedule in &company.schedules {
            let shifts = schedule.shifts(1_800_000_000, 1_800_000_000 + 30 * 86_400, 100);
            assert!(shifts.windows(2).all(|pair| match pair {
                [one, two] => one.end_s == two.start_s,
                _ => false,
            }));
        }
    }
}
