//! What `PUT /incidents` asks for, once it is understood: checked first, then applied as a whole.

use super::{Agent, Assignment, Channel, Incident, LogKind, State, Status, Urgency};
use crate::company::{Policy, Priority, User};
use std::sync::Arc;

/// To whom an incident goes.
pub(crate) enum Reassignment {
    Users(Vec<Arc<User>>),
    /// A level of its present policy, counted from 1.
    Level(usize),
    Policy(Arc<Policy>),
}

/// The changes to one incident. What is `None` stays as it is.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) status: Option<Status>,
    pub(crate) resolution: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) urgency: Option<Urgency>,
    /// The inner `None` takes the priority away.
    pub(crate) priority: Option<Option<Arc<Priority>>>,
    pub(crate) reassignment: Option<Reassignment>,
}

/// Why a change cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    AlreadyResolved,
    AlreadyAcknowledged,
    NoSuchLevel,
}

impl Change {
    /// Whether the change fits the incident as it stands.
    pub(crate) fn check(&self, incident: &Incident) -> Result<(), Refusal> {
        let reopens = matches!(self.status, Some(Status::Triggered | Status::Acknowledged));
        match (incident.status, self.status) {
            (Status::Resolved, Some(Status::Resolved)) => return Err(Refusal::AlreadyResolved),
            (Status::Acknowledged, Some(Status::Acknowledged)) => return Err(Refusal::AlreadyAcknowledged),
            _ => {}
        }
        match &self.reassignment {
            Some(_) if !incident.status.is_open() && !reopens => Err(Refusal::AlreadyResolved),
            Some(Reassignment::Level(level)) if *level == 0 || *level > incident.policy.rules.len() => {
                Err(Refusal::NoSuchLevel)
            }
            _ => Ok(()),
        }
    }

    /// Makes the change on behalf of `user`.
    pub(crate) fn apply(self, incident: &mut Incident, now_s: i64, user: &Arc<User>, channel: Channel) {
        let agent = Agent::User(Arc::clone(user));
        if let Some(title) = self.title {
            incident.record(now_s, LogKind::TitleChange(title.clone()), &agent, channel);
            incident.title = title;
        }
        if let Some(urgency) = self.urgency.filter(|&urgency| urgency != incident.urgency) {
            incident.urgency = urgency;
            incident.record(now_s, LogKind::UrgencyChange(urgency), &agent, channel);
        }
        if let Some(priority) = self.priority {
            incident.record(now_s, LogKind::PriorityChange(priority.clone()), &agent, channel);
            incident.priority = priority;
        }
        let was_resolved = !incident.status.is_open();
        let reassigned = self.reassignment.is_some();
        match self.reassignment {
            Some(Reassignment::Users(users)) => {
                let people = users.into_iter().map(|user| Assignment { at_s: now_s, user }).collect();
                incident.directly_assigned = true;
                incident.assign(people, now_s, &agent, channel);
            }
            Some(Reassignment::Level(level)) => escalate(incident, level, now_s, &agent, channel),
            Some(Reassignment::Policy(policy)) => {
                incident.policy = policy;
                escalate(incident, 1, now_s, &agent, channel);
            }
            None => {}
        }
        match self.status {
            Some(Status::Resolved) => incident.resolve(now_s, &agent, self.resolution, channel),
            Some(Status::Acknowledged) => {
                if was_resolved && !reassigned {
                    let me = vec![Assignment { at_s: now_s, user: Arc::clone(user) }];
                    incident.assign(me, now_s, &agent, channel);
                }
                incident.acknowledge(now_s, user, channel);
            }
            Some(Status::Triggered) => {
                if was_resolved && !reassigned {
                    escalate(incident, 1, now_s, &agent, channel);
                }
                if incident.status == Status::Acknowledged {
                    incident.record(now_s, LogKind::Unacknowledge, &agent, channel);
                }
                incident.trigger(now_s, &agent);
            }
            // New people have acknowledged nothing yet.
            None if reassigned && incident.status == Status::Acknowledged => incident.trigger(now_s, &agent),
            None => {}
        }
    }
}

fn escalate(incident: &mut Incident, level: usize, now_s: i64, agent: &Agent, channel: Channel) {
    let people = State::assignments(&incident.policy, level, now_s);
    let users = people.iter().map(|one| Arc::clone(&one.user)).collect();
    incident.level = level;
    incident.directly_assigned = false;
    incident.record(now_s, LogKind::Escalate(users), agent, channel);
    incident.assign(people, now_s, agent, channel);
}
