//! Who is called when: schedules and escalation policies.
//!
//! Some of it is awkward on purpose: people who stand on several levels at once, permanent entries
//! without a schedule, a policy with two schedules on one level.

use super::{Policy, Rule, Schedule, Target, Team, User, named, short_id};
use anyhow::{Context, Result};
use std::sync::Arc;

const DAY_S: i64 = 86_400;
const HOUR_S: i64 = 3_600;

struct Rotation {
    name: &'static str,
    description: &'static str,
    time_zone: &'static str,
    team: &'static str,
    turn_s: i64,
    /// How long the first person has been on call when the simulator starts.
    into_turn_s: i64,
    people: &'static [&'static str],
}

const ROTATIONS: [Rotation; 12] = [
    Rotation {
        name: "Payments primary",
        description: "Weekly, handed over after stand-up",
        time_zone: "Europe/London",
        team: "Payments",
        turn_s: 7 * DAY_S,
        into_turn_s: 2 * DAY_S,
        people: &["K. Moore", "Lukas Brandt", "Maya Fernandes", "Owen Patterson"],
    },
    Rotation {
        name: "Payments secondary",
        description: "One week behind the primary",
        time_zone: "Europe/London",
        team: "Payments",
        turn_s: 7 * DAY_S,
        into_turn_s: 2 * DAY_S,
        people: &["Lukas Brandt", "Maya Fernandes", "Owen Patterson", "K. Moore"],
    },
    Rotation {
        name: "Platform follow-the-sun",
        description: "Twelve hours each, east then west",
        time_zone: "Etc/UTC",
        team: "Platform",
        turn_s: 12 * HOUR_S,
        into_turn_s: 5 * HOUR_S,
        people: &["J. Lee", "Wen Zhao", "Dylan Hughes", "Priya Raman"],
    },
    Rotation {
        name: "Platform secondary",
        description: "Weekly backup",
        time_zone: "Europe/London",
        team: "Platform",
        turn_s: 7 * DAY_S,
        into_turn_s: 3 * DAY_S,
        people: &["Sofia Marchetti", "Dylan Hughes", "J. Lee"],
    },
    Rotation {
        name: "Storefront primary",
        description: "Weekly",
        time_zone: "Europe/Lisbon",
        team: "Storefront",
        turn_s: 7 * DAY_S,
        into_turn_s: DAY_S,
        people: &["Ben Whitaker", "Ines Carvalho", "Noor Al-Sayed", "Chloe Martin"],
    },
    Rotation {
        name: "Search primary",
        description: "Weekly",
        time_zone: "Europe/Oslo",
        team: "Search & Discovery",
        turn_s: 7 * DAY_S,
        into_turn_s: 4 * DAY_S,
        people: &["Yuki Tanaka", "Henrik Solberg", "Emily Stone", "Rafael Ortiz"],
    },
    Rotation {
        name: "Fulfilment days",
        description: "Daily, eight to eight in Dublin",
        time_zone: "Europe/Dublin",
        team: "Fulfilment",
        turn_s: DAY_S,
        into_turn_s: 6 * HOUR_S,
        people: &["Siobhan Reilly", "Marcus Bell", "Jonas Keller", "Fatima Zahra"],
    },
    Rotation {
        name: "Fulfilment peak cover",
        description: "Second pair of hands while the sales run",
        time_zone: "Europe/Dublin",
        team: "Fulfilment",
        turn_s: DAY_S,
        into_turn_s: 6 * HOUR_S,
        people: &["Marcus Bell", "Fatima Zahra"],
    },
    Rotation {
        name: "Data primary",
        description: "Weekly",
        time_zone: "Europe/Copenhagen",
        team: "Data",
        turn_s: 7 * DAY_S,
        into_turn_s: 5 * DAY_S,
        people: &["Laura Jensen", "Arjun Mehta", "Victor Santos"],
    },
    Rotation {
        name: "Customer Care primary",
        description: "Weekly",
        time_zone: "Europe/London",
        team: "Customer Care",
        turn_s: 7 * DAY_S,
        into_turn_s: DAY_S,
        people: &["Hannah Cole", "Dmitri Volkov"],
    },
    Rotation {
        name: "Security response",
        description: "Weekly",
        time_zone: "Europe/London",
        team: "Security",
        turn_s: 7 * DAY_S,
        into_turn_s: 6 * DAY_S,
        people: &["Zoe Campbell", "Sofia Marchetti"],
    },
    Rotation {
        name: "Incident commanders",
        description: "Runs the call when a P1 opens",
        time_zone: "Europe/London",
        team: "Platform",
        turn_s: 7 * DAY_S,
        into_turn_s: 3 * DAY_S,
        people: &["Tomasz Zielinski", "Grace Adeyemi", "Ines Carvalho", "Marcus Bell"],
    },
];

/// A level: minutes until the next, then its targets. `@` marks a schedule; anything else is a person.
type Level = (u32, &'static [&'static str]);

struct Ladder {
    name: &'static str,
    description: &'static str,
    team: &'static str,
    loops: u32,
    levels: &'static [Level],
}

const LADDERS: [Ladder; 12] = [
    // K. Moore answers on level 1 by rotation and stands on level 3 for good: the same person twice.
    Ladder {
        name: "Payments 24x7",
        description: "Money first: five minutes to the second level",
        team: "Payments",
        loops: 3,
        levels: &[
            (5, &["@Payments primary"]),
            (10, &["@Payments secondary", "Grace Adeyemi"]),
            (15, &["K. Moore", "@Incident commanders"]),
        ],
    },
    Ladder {
        name: "Payments business hours",
        description: "Back-office services that can wait until morning",
        team: "Payments",
        loops: 1,
        levels: &[(30, &["@Payments primary"]), (30, &["Grace Adeyemi"])],
    },
    Ladder {
        name: "Platform 24x7",
        description: "Clusters, network and sign-in",
        team: "Platform",
        loops: 3,
        levels: &[
            (5, &["@Platform follow-the-sun"]),
            (10, &["@Platform secondary"]),
            (15, &["Tomasz Zielinski", "@Incident commanders"]),
        ],
    },
    Ladder {
        name: "Platform low urgency",
        description: "Certificates, disks and other slow burns",
        team: "Platform",
        loops: 0,
        levels: &[(60, &["@Platform follow-the-sun"]), (60, &["@Platform secondary"])],
    },
    Ladder {
        name: "Storefront",
        description: "The shop window",
        team: "Storefront",
        loops: 2,
        levels: &[(10, &["@Storefront primary"]), (15, &["Ines Carvalho"]), (15, &["@Incident commanders"])],
    },
    Ladder {
        name: "Search & Discovery",
        description: "Search, recommendations, catalogue",
        team: "Search & Discovery",
        loops: 2,
        levels: &[(15, &["@Search primary"]), (15, &["Henrik Solberg"])],
    },
    Ladder {
        name: "Fulfilment",
        description: "Orders and warehouses; two people while the sales run",
        team: "Fulfilment",
        loops: 2,
        levels: &[(10, &["@Fulfilment days", "@Fulfilment peak cover"]), (15, &["Marcus Bell"])],
    },
    Ladder {
        name: "Data pipelines",
        description: "Streams and nightly jobs",
        team: "Data",
        loops: 1,
        levels: &[(20, &["@Data primary"]), (30, &["Laura Jensen"])],
    },
    Ladder {
        name: "Customer Care tools",
        description: "Contact centre and messages",
        team: "Customer Care",
        loops: 1,
        levels: &[(15, &["@Customer Care primary"]), (30, &["Hannah Cole"])],
    },
    Ladder {
        name: "Security response",
        description: "Detections that need a human",
        team: "Security",
        loops: 3,
        levels: &[
            (5, &["@Security response"]),
            (10, &["Zoe Campbell", "Sofia Marchetti"]),
            (15, &["Tomasz Zielinski"]),
        ],
    },
    Ladder {
        name: "Major incident",
        description: "Pages the commander and the owners of the platform",
        team: "Platform",
        loops: 5,
        levels: &[(5, &["@Incident commanders"]), (5, &["Amara Nwosu", "Tomasz Zielinski"])],
    },
    Ladder {
        name: "Warehouse systems",
        description: "Scanners, printers and conveyor control",
        team: "Fulfilment",
        loops: 1,
        levels: &[(10, &["Siobhan Reilly"]), (20, &["@Fulfilment days"])],
    },
];

pub(super) fn schedules(teams: &[Arc<Team>], users: &[Arc<User>], now_s: i64) -> Result<Vec<Arc<Schedule>>> {
    // Handovers fall on the hour, as people arrange them.
    let hour_s = now_s.saturating_sub(now_s.rem_euclid(HOUR_S));
    ROTATIONS
        .iter()
        .map(|rotation| {
            Ok(Arc::new(Schedule {
                id: short_id("schedule", rotation.name),
                name: rotation.name,
                description: rotation.description,
                time_zone: rotation.time_zone,
                users: rotation
                    .people
                    .iter()
                    .map(|person| named(users, person, |user| user.name))
                    .collect::<Result<Vec<_>>>()?,
                turn_s: rotation.turn_s,
                anchor_s: hour_s.saturating_sub(rotation.into_turn_s),
                team: named(teams, rotation.team, |team| team.name)?,
            }))
        })
        .collect()
}

pub(super) fn policies(
    teams: &[Arc<Team>],
    users: &[Arc<User>],
    schedules: &[Arc<Schedule>],
) -> Result<Vec<Arc<Policy>>> {
    let target = |name: &str| -> Result<Target> {
        match name.strip_prefix('@') {
            Some(schedule) => Ok(Target::Schedule(named(schedules, schedule, |item| item.name)?)),
            None => Ok(Target::User(named(users, name, |user| user.name)?)),
        }
    };
    LADDERS
        .iter()
        .map(|ladder| {
            let rules = ladder
                .levels
                .iter()
                .zip(1_u32..)
                .map(|(&(delay_minutes, targets), level)| {
                    Ok(Rule {
                        id: short_id("rule", &format!("{}/{level}", ladder.name)),
                        delay_minutes,
                        targets: targets.iter().map(|name| target(name)).collect::<Result<Vec<_>>>()?,
                    })
                })
                .collect::<Result<Vec<_>>>()
                .with_context(|| format!("in the escalation policy {:?}", ladder.name))?;
            Ok(Arc::new(Policy {
                id: short_id("escalation_policy", ladder.name),
                name: ladder.name,
                description: ladder.description,
                team: named(teams, ladder.team, |team| team.name)?,
                loops: ladder.loops,
                rules,
            }))
        })
        .collect()
}
