//! The incidents that exist at the start: the hand-written ones, and seven months of history from the seed.

use super::{Agent, Alert, Assignment, Channel, Incident, LogKind, Urgency};
use crate::company::open::{NEWEST_NUMBER, OPEN, OpenIncident, Standing};
use crate::company::{Company, Priority, Service, User, symptoms};
use crate::random::{Random, identifier};
use anyhow::{Context, Result, ensure};
use std::sync::Arc;

/// Seven months, in minutes.
const HISTORY_MINUTES: i64 = 213 * 1_440;
/// The history ends before the newest hand-written incidents, so that their numbers are fixed.
const HISTORY_ENDS_MINUTES_AGO: i64 = 100;
/// Numbers of what does not fit below the hand-written ones, as after an import from another account.
const IMPORTED_NUMBERS: u32 = 1_000_000;
/// More would take gigabytes and prove nothing more.
const MAX_INCIDENTS: usize = 200_000;

/// What is known of an incident before it has a number.
struct Plan<'a> {
    created_at_s: i64,
    source: Source<'a>,
}

enum Source<'a> {
    Written(&'a OpenIncident),
    Made { seed: u64 },
}

/// All incidents of the start, oldest first; at least the hand-written ones.
pub(super) fn incidents(company: &Company, seed: u64, count: usize, now_s: i64) -> Result<Vec<Incident>> {
    ensure!(count <= MAX_INCIDENTS, "at most {MAX_INCIDENTS} incidents can be made, {count} were asked for");
    let mut random = Random::new(seed);
    let mut plans: Vec<Plan<'_>> = OPEN
        .iter()
        .map(|open| Plan { created_at_s: minutes_before(now_s, open.minutes_ago), source: Source::Written(open) })
        .collect();
    while plans.len() < count {
        let ago = random.between(HISTORY_ENDS_MINUTES_AGO, HISTORY_MINUTES);
        let seconds = random.between(0, 59);
        let created_at_s = minutes_before(now_s, ago).saturating_sub(seconds);
        // Things break more often while people change them.
        let hour = created_at_s.div_euclid(3_600).rem_euclid(24);
        if !(8..=18).contains(&hour) && random.chance(45) {
            continue;
        }
        plans.push(Plan { created_at_s, source: Source::Made { seed: random.next() } });
    }
    plans.sort_by_key(|plan| plan.created_at_s);
    let total = plans.len();
    plans
        .into_iter()
        .enumerate()
        .map(|(index, plan)| {
            let below_newest = u32::try_from(total.saturating_sub(index).saturating_sub(1))?;
            let number = match NEWEST_NUMBER.checked_sub(below_newest) {
                Some(number) if number > 0 => number,
                _ => IMPORTED_NUMBERS.saturating_add(u32::try_from(index)?),
            };
            match plan.source {
                Source::Written(open) => written(company, number, open, plan.created_at_s, now_s),
                Source::Made { seed } => made(company, number, Random::new(seed), plan.created_at_s, now_s),
            }
        })
        .collect()
}

fn minutes_before(now_s: i64, minutes: i64) -> i64 {
    now_s.saturating_sub(minutes.saturating_mul(60))
}

fn started(
    company: &Company,
    number: u32,
    title: String,
    service: &Arc<Service>,
    urgency: Urgency,
    priority: Option<&str>,
    at_s: i64,
) -> Incident {
    let priority: Option<Arc<Priority>> =
        priority.and_then(|name| company.priorities.iter().find(|one| one.name == name)).map(Arc::clone);
    Incident::triggered(
        incident_id(number),
        number,
        title,
        identifier("", 32, "key", service.name, u64::from(number)).to_ascii_lowercase(),
        at_s,
        urgency,
        priority,
        Arc::clone(service),
        Arc::clone(&service.policy),
        Agent::Service(Arc::clone(service)),
        Channel::Auto,
    )
}

/// The identifier of the incident with that number.
pub(crate) fn incident_id(number: u32) -> String {
    identifier("Q", 14, "incident", "", u64::from(number))
}

fn alert(incident: &Incident, place: i64, detail: Option<String>) -> Alert {
    let high = incident.urgency == Urgency::High;
    Alert {
        created_at_s: incident.created_at_s.saturating_add(place.saturating_mul(40)),
        resolved_at_s: None,
        severity: match (high, place) {
            (true, 0) => "critical",
            (true, _) => "error",
            (false, 0) => "warning",
            (false, _) => "info",
        },
        key: format!("{}/{}", incident.service.name, identifier("", 10, "alert", &incident.key, place.unsigned_abs())),
        summary: incident.title.clone(),
        detail,
    }
}

/// An incident of the hand-written table.
fn written(company: &Company, number: u32, open: &OpenIncident, at_s: i64, now_s: i64) -> Result<Incident> {
    let service = company
        .services
        .iter()
        .find(|service| service.name == open.service)
        .with_context(|| format!("the open incidents name the service {:?}, which does not exist", open.service))?;
    let person = |name: &str| -> Result<Arc<User>> {
        let found = company.users.iter().find(|user| user.name == name);
        found.map(Arc::clone).with_context(|| format!("the open incidents name {name:?}, who does not exist"))
    };
    let urgency = if open.high { Urgency::High } else { Urgency::Low };
    let mut incident = started(company, number, open.title.to_owned(), service, urgency, open.priority, at_s);
    incident.alerts.push(alert(&incident, 0, open.alert.map(str::to_owned)));
    incident.alerts.push(alert(&incident, 1, None));
    let monitoring = Agent::Service(Arc::clone(service));
    let assignees = match open.assignee {
        Some(name) => vec![person(name)?],
        None => service.policy.on_call(1, at_s),
    };
    let first = assignees.first().map(Arc::clone).context("an open incident has nobody to go to")?;
    let people = assignees.into_iter().map(|user| Assignment { at_s, user }).collect();
    incident.assign(people, at_s, &monitoring, Channel::Auto);
    incident.record(at_s.saturating_add(20), LogKind::RelayHealth, &monitoring, Channel::Auto);
    let age_s = now_s.saturating_sub(at_s);
    let acknowledged_s = at_s.saturating_add((age_s / 10).min(240));
    if open.standing != Standing::Triggered {
        incident.acknowledge(acknowledged_s, &first, Channel::Mobile);
    }
    let parts = i64::try_from(open.notes.len())?.saturating_add(1);
    for (place, (author, text)) in (1_i64..).zip(open.notes) {
        incident.annotate(
            at_s.saturating_add(age_s.saturating_mul(place) / parts),
            &person(author)?,
            (*text).to_owned(),
        );
    }
    let user = Agent::User(Arc::clone(&first));
    match open.standing {
        Standing::Triggered | Standing::Acknowledged => {}
        Standing::Snoozed(minutes) => {
            let until_s = now_s.saturating_add(minutes.saturating_mul(60));
            incident.snoozed_until_s = Some(until_s);
            incident.record(acknowledged_s.saturating_add(60), LogKind::Snooze { until_s }, &user, Channel::Website);
        }
        Standing::ResolvedAfter(minutes) => {
            let resolved_s = at_s.saturating_add(minutes.saturating_mul(60));
            incident.resolve(resolved_s, &user, Some("Rolled back the release.".to_owned()), Channel::Website);
        }
    }
    incident.updated_at_s = incident.log.iter().map(|entry| entry.at_s).max().unwrap_or(at_s);
    Ok(incident)
}

/// An incident of the history: resolved, with a plausible course.
fn made(company: &Company, number: u32, mut random: Random, at_s: i64, now_s: i64) -> Result<Incident> {
    let service = weighted(company, &mut random).context("the company has no services")?;
    let (priority, urgency, longest_minutes) = match random.between(0, 99) {
        0..=1 => (Some("P1"), Urgency::High, 150),
        2..=9 => (Some("P2"), Urgency::High, 240),
        10..=34 => (Some("P3"), if random.chance(60) { Urgency::High } else { Urgency::Low }, 600),
        35..=59 => (Some("P4"), Urgency::Low, 2_880),
        60..=69 => (Some("P5"), Urgency::Low, 6_000),
        _ => (None, if random.chance(35) { Urgency::High } else { Urgency::Low }, 300),
    };
    let symptom = random.pick(symptoms::of(service.name)).copied().unwrap_or("Error rate {p}%");
    let title = filled(symptom, &mut random);
    let mut incident = started(company, number, title, &service, urgency, priority, at_s);
    for place in 0..random.between(1, 3) {
        incident.alerts.push(alert(&incident, place, None));
    }
    let monitoring = Agent::Service(Arc::clone(&service));
    let on_call = service.policy.on_call(1, at_s);
    let people = on_call.iter().map(|user| Assignment { at_s, user: Arc::clone(user) }).collect();
    incident.assign(people, at_s, &monitoring, Channel::Auto);

    let latest_minutes = now_s.saturating_sub(at_s) / 60 - 5;
    let usual = if random.chance(30) { random.between(3, 29) } else { random.between(12, longest_minutes) };
    let resolved_s = at_s.saturating_add(usual.min(latest_minutes).saturating_mul(60));
    let heals_itself = priority.is_none() && random.chance(60);
    match random.pick(&on_call).map(Arc::clone) {
        Some(user) if !heals_itself => {
            let channel = if random.chance(50) { Channel::Mobile } else { Channel::Website };
            let length_s = resolved_s.saturating_sub(at_s);
            incident.acknowledge(at_s.saturating_add((length_s / 8).min(900)), &user, channel);
            if random.chance(45) {
                let text = random.pick(&symptoms::NOTES).copied().unwrap_or_default();
                incident.annotate(at_s.saturating_add(length_s / 2), &user, text.to_owned());
            }
            let resolution =
                if random.chance(50) { random.pick(&symptoms::RESOLUTIONS).map(|&text| text.to_owned()) } else { None };
            incident.resolve(resolved_s, &Agent::User(user), resolution, channel);
        }
        _ => incident.resolve(resolved_s, &monitoring, None, Channel::Auto),
    }
    incident.updated_at_s = resolved_s;
    Ok(incident)
}

/// A service, the fragile ones more often.
fn weighted(company: &Company, random: &mut Random) -> Option<Arc<Service>> {
    let total: u32 = company.services.iter().map(|service| service.weight).sum();
    let mut left = random.between(0, i64::from(total).saturating_sub(1));
    let found = company.services.iter().find(|service| {
        left = left.saturating_sub(i64::from(service.weight));
        left < 0
    });
    found.map(Arc::clone)
}

fn filled(symptom: &str, random: &mut Random) -> String {
    const HOSTS: [&str; 8] = [
        "eu-west-node-04",
        "eu-west-node-11",
        "us-east-node-02",
        "pg-orders-2",
        "kafka-broker-5",
        "search-data-7",
        "runner-x64-09",
        "scan-gw-lille-1",
    ];
    let mut title = symptom.to_owned();
    for (mark, low, high) in [("{n}", 3, 900), ("{p}", 4, 96), ("{ms}", 800, 9_000), ("{m}", 6, 90)] {
        if title.contains(mark) {
            title = title.replace(mark, &random.between(low, high).to_string());
        }
    }
    title.replace("{host}", random.pick(&HOSTS).copied().unwrap_or("eu-west-node-01"))
}
