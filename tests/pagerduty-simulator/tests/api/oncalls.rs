//! Who is on call.

use crate::client::{Pager, rows};
use serde_json::Value;

fn people(body: &Value) -> Vec<(u64, String, bool)> {
    rows(body, "oncalls")
        .iter()
        .map(|row| {
            let name = row["user"]["summary"].as_str().unwrap().to_owned();
            (row["escalation_level"].as_u64().unwrap(), name, row["start"].is_null())
        })
        .collect()
}

#[tokio::test]
async fn a_policy_has_levels_permanent_entries_and_the_same_person_twice() {
    let pager = Pager::start().await;
    let policy = pager.named("escalation_policies", "Payments 24x7").await;
    let body = pager.ok(&format!("/oncalls?escalation_policy_ids[]={policy}")).await;
    let person = |level, name: &str, permanent| (level, name.to_owned(), permanent);
    assert_eq!(
        people(&body),
        [
            person(1, "K. Moore", false),
            person(2, "Lukas Brandt", false),
            person(2, "Grace Adeyemi", true),
            person(3, "K. Moore", true),
            person(3, "Tomasz Zielinski", false),
        ]
    );
    let permanent = &body["oncalls"][3];
    assert!(permanent["schedule"].is_null() && permanent["end"].is_null());
    assert!(permanent.as_object().unwrap().contains_key("start"));
    let shift = &body["oncalls"][0];
    assert_eq!(shift["schedule"]["summary"], "Payments primary");
    assert_eq!(shift["start"], "2026-11-18T12:00:00+00:00");
    assert_eq!(shift["end"], "2026-11-25T12:00:00+00:00");
}

#[tokio::test]
async fn filters_narrow_by_schedule_and_user() {
    let pager = Pager::start().await;
    let schedule = pager.named("schedules", "Incident commanders").await;
    let body = pager.ok(&format!("/oncalls?schedule_ids[]={schedule}&limit=100")).await;
    assert_eq!(rows(&body, "oncalls").len(), 4);
    let body = pager.ok("/oncalls?schedule_ids[]=null&limit=100").await;
    assert!(people(&body).iter().all(|(_, _, permanent)| *permanent) && !people(&body).is_empty());
    let user = pager.named("users", "K. Moore").await;
    let body = pager.ok(&format!("/oncalls?user_ids[]={user}&include[]=users")).await;
    assert_eq!(people(&body).len(), 3);
    assert_eq!(body["oncalls"][0]["user"]["email"], "k.moore@harbourandfinch.example");
}

#[tokio::test]
async fn a_range_shows_the_coming_shifts_and_earliest_the_first_of_each() {
    let pager = Pager::start().await;
    let schedule = pager.named("schedules", "Payments primary").await;
    let policy = pager.named("escalation_policies", "Payments 24x7").await;
    let base = format!("/oncalls?schedule_ids[]={schedule}&escalation_policy_ids[]={policy}");
    let names = |body: &Value| people(body).into_iter().map(|(_, name, _)| name).collect::<Vec<_>>();
    let body = pager.ok(&format!("{base}&since=2026-11-20T12:00:00Z&until=2026-12-17T12:00:00Z")).await;
    assert_eq!(names(&body), ["K. Moore", "Lukas Brandt", "Maya Fernandes", "Owen Patterson", "K. Moore"]);
    let body = pager.ok(&format!("{base}&until=2026-12-17T12:00:00Z&earliest=true")).await;
    assert_eq!(names(&body), ["K. Moore", "Lukas Brandt", "Maya Fernandes", "Owen Patterson"]);
    assert_eq!(pager.get("/oncalls?since=2026-11-21&until=2026-11-20").await.0, 400);
}
