//! One incident and what hangs on it. Times are Unix seconds.

use crate::company::{Policy, Priority, Service, User};
use bytes::Bytes;
use std::sync::{Arc, OnceLock};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    Triggered,
    Acknowledged,
    Resolved,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::Triggered => "triggered",
            Status::Acknowledged => "acknowledged",
            Status::Resolved => "resolved",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Status> {
        [Status::Triggered, Status::Acknowledged, Status::Resolved].into_iter().find(|status| status.name() == name)
    }

    pub(crate) fn is_open(self) -> bool {
        self != Status::Resolved
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Urgency {
    Low,
    High,
}

impl Urgency {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Urgency::Low => "low",
            Urgency::High => "high",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Urgency> {
        [Urgency::Low, Urgency::High].into_iter().find(|urgency| urgency.name() == name)
    }
}

/// Who did something: a person, or the service's own monitoring.
#[derive(Clone)]
pub(crate) enum Agent {
    User(Arc<User>),
    Service(Arc<Service>),
}

/// Somebody's name against an incident: an assignment or an acknowledgement.
#[derive(Clone)]
pub(crate) struct Assignment {
    pub(crate) at_s: i64,
    pub(crate) user: Arc<User>,
}

pub(crate) struct Note {
    pub(crate) user: Arc<User>,
    pub(crate) at_s: i64,
    pub(crate) content: String,
}

pub(crate) struct Alert {
    pub(crate) created_at_s: i64,
    pub(crate) resolved_at_s: Option<i64>,
    pub(crate) severity: &'static str,
    pub(crate) key: String,
    pub(crate) summary: String,
    /// The detail that the monitoring system sent.
    pub(crate) detail: Option<String>,
}

/// By which way an event came in.
#[derive(Clone, Copy)]
pub(crate) enum Channel {
    Api,
    Website,
    Mobile,
    Auto,
    Note,
}

impl Channel {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Channel::Api => "api",
            Channel::Website => "website",
            Channel::Mobile => "mobile",
            Channel::Auto => "auto",
            Channel::Note => "note",
        }
    }
}

/// What a log entry tells. Two of the types are in no published list: clients meet such in the wild.
pub(crate) enum LogKind {
    Trigger,
    Notify(Arc<User>),
    Acknowledge,
    Assign(Vec<Arc<User>>),
    Escalate(Vec<Arc<User>>),
    Annotate(String),
    Unacknowledge,
    Snooze {
        until_s: i64,
    },
    UrgencyChange(Urgency),
    PriorityChange(Option<Arc<Priority>>),
    TitleChange(String),
    Resolve(Option<String>),
    Merge {
        into: String,
    },
    /// `relay_health_log_entry`, a made-up type that no client can know.
    RelayHealth,
}

impl LogKind {
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            LogKind::Trigger => "trigger_log_entry",
            LogKind::Notify(_) => "notify_log_entry",
            LogKind::Acknowledge => "acknowledge_log_entry",
            LogKind::Assign(_) => "assign_log_entry",
            LogKind::Escalate(_) => "escalate_log_entry",
            LogKind::Annotate(_) => "annotate_log_entry",
            LogKind::Unacknowledge => "unacknowledge_log_entry",
            LogKind::Snooze { .. } => "snooze_log_entry",
            LogKind::UrgencyChange(_) => "urgency_change_log_entry",
            LogKind::PriorityChange(_) => "priority_change_log_entry",
            LogKind::TitleChange(_) => "field_value_change_log_entry",
            LogKind::Resolve(_) => "resolve_log_entry",
            LogKind::Merge { .. } => "merge_log_entry",
            LogKind::RelayHealth => "relay_health_log_entry",
        }
    }

    /// Whether `is_overview=true` keeps it.
    pub(crate) fn is_overview(&self) -> bool {
        !matches!(self, LogKind::Notify(_) | LogKind::RelayHealth | LogKind::Assign(_))
    }
}

pub(crate) struct LogEntry {
    pub(crate) at_s: i64,
    pub(crate) kind: LogKind,
    pub(crate) agent: Agent,
    pub(crate) channel: Channel,
}

pub(crate) struct Incident {
    pub(crate) id: String,
    pub(crate) number: u32,
    pub(crate) title: String,
    pub(crate) key: String,
    pub(crate) created_at_s: i64,
    pub(crate) updated_at_s: i64,
    pub(crate) status: Status,
    pub(crate) urgency: Urgency,
    pub(crate) priority: Option<Arc<Priority>>,
    pub(crate) service: Arc<Service>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) level: usize,
    pub(crate) assignments: Vec<Assignment>,
    pub(crate) directly_assigned: bool,
    pub(crate) acknowledgements: Vec<Assignment>,
    pub(crate) last_status_change_at_s: i64,
    pub(crate) last_status_change_by: Agent,
    pub(crate) resolved_at_s: Option<i64>,
    pub(crate) snoozed_until_s: Option<i64>,
    /// Identifier of the incident this one was merged into.
    pub(crate) merged_into: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) notes: Vec<Note>,
    pub(crate) log: Vec<LogEntry>,
    /// The row as lists send it, in UTC and without `include[]`, made when first asked for.
    pub(crate) row: OnceLock<Bytes>,
}

impl Incident {
    /// A fresh, triggered incident with its trigger entry and its assignments.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a fact about the new incident; a struct would only repeat them"
    )]
    pub(crate) fn triggered(
        id: String,
        number: u32,
        title: String,
        key: String,
        at_s: i64,
        urgency: Urgency,
        priority: Option<Arc<Priority>>,
        service: Arc<Service>,
        policy: Arc<Policy>,
        agent: Agent,
        channel: Channel,
    ) -> Incident {
        Incident {
            id,
            number,
            title,
            key,
            created_at_s: at_s,
            updated_at_s: at_s,
            status: Status::Triggered,
            urgency,
            priority,
            service,
            policy,
            level: 1,
            assignments: Vec::new(),
            directly_assigned: false,
            acknowledgements: Vec::new(),
            last_status_change_at_s: at_s,
            last_status_change_by: agent.clone(),
            resolved_at_s: None,
            snoozed_until_s: None,
            merged_into: None,
            body: None,
            alerts: Vec::new(),
            notes: Vec::new(),
            log: vec![LogEntry { at_s, kind: LogKind::Trigger, agent, channel }],
            row: OnceLock::new(),
        }
    }

    /// Appends to the log.
    pub(crate) fn record(&mut self, at_s: i64, kind: LogKind, agent: &Agent, channel: Channel) {
        self.log.push(LogEntry { at_s, kind, agent: agent.clone(), channel });
    }

    /// Gives it to these people, on that level.
    pub(crate) fn assign(&mut self, people: Vec<Assignment>, at_s: i64, agent: &Agent, channel: Channel) {
        let users: Vec<_> = people.iter().map(|one| Arc::clone(&one.user)).collect();
        self.record(at_s, LogKind::Assign(users.clone()), agent, channel);
        self.assignments = people;
        let monitoring = Agent::Service(Arc::clone(&self.service));
        for user in users {
            self.record(at_s, LogKind::Notify(user), &monitoring, Channel::Auto);
        }
    }

    pub(crate) fn trigger(&mut self, at_s: i64, agent: &Agent) {
        self.status = Status::Triggered;
        self.resolved_at_s = None;
        self.snoozed_until_s = None;
        self.acknowledgements.clear();
        self.changed(at_s, agent);
    }

    pub(crate) fn acknowledge(&mut self, at_s: i64, user: &Arc<User>, channel: Channel) {
        let agent = Agent::User(Arc::clone(user));
        self.status = Status::Acknowledged;
        self.resolved_at_s = None;
        self.acknowledgements = vec![Assignment { at_s, user: Arc::clone(user) }];
        self.record(at_s, LogKind::Acknowledge, &agent, channel);
        self.changed(at_s, &agent);
    }

    /// Closes it: the assignments empty, its alerts close with it.
    pub(crate) fn resolve(&mut self, at_s: i64, agent: &Agent, resolution: Option<String>, channel: Channel) {
        self.status = Status::Resolved;
        self.resolved_at_s = Some(at_s);
        self.snoozed_until_s = None;
        self.assignments.clear();
        self.acknowledgements.clear();
        for alert in &mut self.alerts {
            alert.resolved_at_s.get_or_insert(at_s);
        }
        self.record(at_s, LogKind::Resolve(resolution), agent, channel);
        self.changed(at_s, agent);
    }

    pub(crate) fn annotate(&mut self, at_s: i64, user: &Arc<User>, content: String) {
        let agent = Agent::User(Arc::clone(user));
        self.notes.push(Note { user: Arc::clone(user), at_s, content: content.clone() });
        self.record(at_s, LogKind::Annotate(content), &agent, Channel::Note);
    }

    fn changed(&mut self, at_s: i64, agent: &Agent) {
        self.last_status_change_at_s = at_s;
        self.last_status_change_by = agent.clone();
    }
}
