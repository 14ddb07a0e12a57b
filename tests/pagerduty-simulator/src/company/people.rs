//! Teams, people and priorities of Harbour & Finch.

use super::{Priority, Team, User, named, short_id};
use anyhow::Result;
use std::sync::Arc;

/// Name, description.
const TEAMS: [(&str, &str); 8] = [
    ("Platform", "Clusters, networking, delivery pipelines and the identity services"),
    ("Payments", "Taking money, giving it back, and finding out who should not have it"),
    ("Storefront", "The shop window: web, mobile and the edge"),
    ("Search & Discovery", "Search, recommendations and the product catalogue"),
    ("Fulfilment", "Orders, stock, warehouses and parcels"),
    ("Data", "Event pipelines, the warehouse and reporting"),
    ("Customer Care", "Contact centre tools, messages and returns"),
    ("Security", "Detection, response and access"),
];

/// Name, local part of the email address, role, time zone, job title, teams.
type Person = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

const PEOPLE: [Person; 32] = [
    ("K. Moore", "k.moore", "limited_user", "Europe/London", "Staff Engineer", &["Payments"]),
    ("J. Lee", "j.lee", "limited_user", "Europe/London", "Senior Site Reliability Engineer", &["Platform"]),
    ("Amara Nwosu", "a.nwosu", "owner", "Europe/London", "VP Engineering", &[]),
    ("Tomasz Zielinski", "t.zielinski", "admin", "Europe/Warsaw", "Head of Platform", &["Platform"]),
    ("Priya Raman", "p.raman", "limited_user", "Asia/Kolkata", "Site Reliability Engineer", &["Platform"]),
    ("Dylan Hughes", "d.hughes", "limited_user", "Europe/London", "Platform Engineer", &["Platform"]),
    ("Sofia Marchetti", "s.marchetti", "limited_user", "Europe/Rome", "Platform Engineer", &["Platform", "Security"]),
    ("Wen Zhao", "w.zhao", "limited_user", "Asia/Singapore", "Site Reliability Engineer", &["Platform"]),
    ("Grace Adeyemi", "g.adeyemi", "admin", "Europe/London", "Engineering Manager, Payments", &["Payments"]),
    ("Lukas Brandt", "l.brandt", "limited_user", "Europe/Berlin", "Software Engineer", &["Payments"]),
    ("Maya Fernandes", "m.fernandes", "limited_user", "America/New_York", "Senior Software Engineer", &["Payments"]),
    ("Owen Patterson", "o.patterson", "limited_user", "America/Los_Angeles", "Software Engineer", &["Payments"]),
    ("Ines Carvalho", "i.carvalho", "limited_user", "Europe/Lisbon", "Lead Engineer, Storefront", &["Storefront"]),
    ("Ben Whitaker", "b.whitaker", "limited_user", "Europe/London", "Front-end Engineer", &["Storefront"]),
    ("Noor Al-Sayed", "n.alsayed", "limited_user", "Asia/Dubai", "Mobile Engineer", &["Storefront"]),
    ("Chloe Martin", "c.martin", "user", "Europe/Paris", "Front-end Engineer", &["Storefront"]),
    ("Henrik Solberg", "h.solberg", "limited_user", "Europe/Oslo", "Lead Engineer, Search", &["Search & Discovery"]),
    ("Yuki Tanaka", "y.tanaka", "limited_user", "Asia/Tokyo", "Search Engineer", &["Search & Discovery"]),
    (
        "Rafael Ortiz",
        "r.ortiz",
        "limited_user",
        "America/Mexico_City",
        "Machine Learning Engineer",
        &["Search & Discovery", "Data"],
    ),
    ("Emily Stone", "e.stone", "limited_user", "America/Chicago", "Software Engineer", &["Search & Discovery"]),
    ("Marcus Bell", "m.bell", "limited_user", "America/New_York", "Lead Engineer, Fulfilment", &["Fulfilment"]),
    ("Fatima Zahra", "f.zahra", "limited_user", "Africa/Casablanca", "Software Engineer", &["Fulfilment"]),
    ("Jonas Keller", "j.keller", "limited_user", "Europe/Zurich", "Software Engineer", &["Fulfilment"]),
    ("Siobhan Reilly", "s.reilly", "limited_user", "Europe/Dublin", "Warehouse Systems Engineer", &["Fulfilment"]),
    ("Arjun Mehta", "a.mehta", "limited_user", "Asia/Kolkata", "Data Engineer", &["Data"]),
    ("Laura Jensen", "l.jensen", "limited_user", "Europe/Copenhagen", "Lead Data Engineer", &["Data"]),
    ("Victor Santos", "v.santos", "limited_user", "America/Sao_Paulo", "Data Engineer", &["Data"]),
    ("Hannah Cole", "h.cole", "limited_user", "Europe/London", "Software Engineer", &["Customer Care"]),
    ("Dmitri Volkov", "d.volkov", "limited_user", "Europe/Riga", "Software Engineer", &["Customer Care"]),
    ("Zoe Campbell", "z.campbell", "limited_user", "Europe/London", "Security Engineer", &["Security"]),
    ("Helga Lindqvist", "h.lindqvist", "read_only_user", "Europe/Stockholm", "Director of Operations", &[]),
    ("Tunde Abara", "t.abara", "observer", "Africa/Lagos", "Service Desk Analyst", &["Customer Care"]),
];

/// Name, colour, description.
const PRIORITIES: [(&str, &str, &str); 5] = [
    ("P1", "a8171c", "Customers cannot buy, pay or sign in. Wake people up and tell the board"),
    ("P2", "eb6016", "A large part of the shop is hurt, or a P1 is close"),
    ("P3", "f9b406", "Some customers notice, or a safety margin is gone"),
    ("P4", "555555", "Nobody outside notices yet; fix it in working hours"),
    ("P5", "bbbbbb", "Cosmetic, or a reminder to tidy up"),
];

pub(super) fn teams() -> Vec<Arc<Team>> {
    TEAMS.iter().map(|&(name, description)| Arc::new(Team { id: short_id("team", name), name, description })).collect()
}

pub(super) fn users(teams: &[Arc<Team>]) -> Result<Vec<Arc<User>>> {
    PEOPLE
        .iter()
        .map(|&(name, local, role, time_zone, job_title, members_of)| {
            let teams =
                members_of.iter().map(|team| named(teams, team, |team| team.name)).collect::<Result<Vec<_>>>()?;
            let email = format!("{local}@harbourandfinch.example");
            Ok(Arc::new(User { id: short_id("user", name), name, email, role, time_zone, job_title, teams }))
        })
        .collect()
}

pub(super) fn priorities() -> Vec<Arc<Priority>> {
    (0..)
        .map(|index: u32| 1_u32 << (4_u32.saturating_sub(index)))
        .zip(PRIORITIES)
        .map(|(order, (name, color, description))| {
            Arc::new(Priority { id: short_id("priority", name), name, description, color, order })
        })
        .collect()
}
