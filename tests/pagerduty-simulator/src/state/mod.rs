//! Everything that changes: incidents with their alerts, notes and log, and the indexes over them.

mod change;
pub(crate) mod history;
mod incident;

pub(crate) use change::{Change, Reassignment, Refusal};
pub(crate) use incident::{Agent, Alert, Assignment, Channel, Incident, LogEntry, LogKind, Note, Status, Urgency};

use crate::company::Company;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A place in [`State::incidents`].
pub(crate) type Place = usize;

/// The account's changeable half. Guarded by one lock: reads take microseconds.
pub(crate) struct State {
    /// Ordered by creation, oldest first; new ones are appended, so it stays so.
    incidents: Vec<Incident>,
    by_id: HashMap<String, Place>,
    by_number: HashMap<u32, Place>,
    /// Triggered or acknowledged. Few, so the filters that imply "open" look only here.
    open: BTreeSet<Place>,
    /// When each service last broke, in Unix seconds, by service identifier.
    last_incident_s: HashMap<String, i64>,
    next_number: u32,
    /// Bodies of `POST /webhook_subscriptions`, newest last.
    pub(crate) webhook_subscriptions: Vec<serde_json::Value>,
}

impl State {
    /// The hand-written incidents and as much made-up history as fills `incidents`.
    pub(crate) fn new(company: &Company, seed: u64, incidents: usize, now_s: i64) -> anyhow::Result<State> {
        let mut state = State {
            incidents: Vec::new(),
            by_id: HashMap::new(),
            by_number: HashMap::new(),
            open: BTreeSet::new(),
            last_incident_s: HashMap::new(),
            next_number: crate::company::open::NEWEST_NUMBER.saturating_add(1),
            webhook_subscriptions: Vec::new(),
        };
        for incident in history::incidents(company, seed, incidents, now_s)? {
            state.insert(incident);
        }
        Ok(state)
    }

    /// All incidents, oldest first.
    pub(crate) fn all(&self) -> &[Incident] {
        &self.incidents
    }

    pub(crate) fn at(&self, place: Place) -> Option<&Incident> {
        self.incidents.get(place)
    }

    /// Places of the open incidents, oldest first.
    pub(crate) fn open(&self) -> &BTreeSet<Place> {
        &self.open
    }

    pub(crate) fn place_of(&self, id: &str) -> Option<Place> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn place_of_number(&self, number: u32) -> Option<Place> {
        self.by_number.get(&number).copied()
    }

    /// When a service last broke, in Unix seconds.
    pub(crate) fn last_incident_s(&self, service_id: &str) -> Option<i64> {
        self.last_incident_s.get(service_id).copied()
    }

    /// The number the next incident gets.
    pub(crate) fn take_number(&mut self) -> u32 {
        let number = self.next_number;
        self.next_number = self.next_number.saturating_add(1);
        number
    }

    /// Whether an open incident of the service has this key.
    pub(crate) fn open_key(&self, service_id: &str, key: &str) -> bool {
        self.open
            .iter()
            .filter_map(|&place| self.at(place))
            .any(|incident| incident.key == key && incident.service.id == service_id)
    }

    /// Adds an incident that is not older than the newest.
    pub(crate) fn insert(&mut self, incident: Incident) -> Place {
        let place = self.incidents.len();
        self.by_id.insert(incident.id.clone(), place);
        self.by_number.insert(incident.number, place);
        if incident.status.is_open() {
            self.open.insert(place);
        }
        self.last_incident_s.insert(incident.service.id.clone(), incident.created_at_s);
        self.incidents.push(incident);
        place
    }

    /// Changes one incident; the indexes and its ready-made row follow.
    pub(crate) fn update<T>(&mut self, place: Place, now_s: i64, change: impl FnOnce(&mut Incident) -> T) -> Option<T> {
        let incident = self.incidents.get_mut(place)?;
        let result = change(incident);
        incident.updated_at_s = now_s;
        incident.row.take();
        if incident.status.is_open() {
            self.open.insert(place);
        } else {
            self.open.remove(&place);
        }
        Some(result)
    }

    /// What a service shows: its upkeep first, then its worst open incident.
    pub(crate) fn service_status(&self, service: &crate::company::Service) -> &'static str {
        use crate::company::Upkeep;
        match service.upkeep {
            Upkeep::Disabled => return "disabled",
            Upkeep::Maintenance => return "maintenance",
            Upkeep::Normal => {}
        }
        let mut worst = "active";
        for incident in self.open.iter().filter_map(|&place| self.at(place)) {
            if incident.service.id == service.id {
                match incident.status {
                    Status::Triggered => return "critical",
                    Status::Acknowledged => worst = "warning",
                    Status::Resolved => {}
                }
            }
        }
        worst
    }

    /// The incident's people, as one assigns them: whoever is on call on that level now.
    pub(crate) fn assignments(policy: &crate::company::Policy, level: usize, now_s: i64) -> Vec<Assignment> {
        policy
            .on_call(level, now_s)
            .into_iter()
            .map(|user| Assignment { at_s: now_s, user: Arc::clone(&user) })
            .collect()
    }
}
