//! Paging, windows, filters and sorting.

use crate::client::{Pager, numbers, rows};
use serde_json::{Value, json};
use std::collections::HashSet;

#[tokio::test]
async fn pages_have_the_classic_frame() {
    let pager = Pager::start().await;
    let body = pager.ok("/incidents?date_range=all").await;
    assert_eq!(rows(&body, "incidents").len(), 25);
    assert_eq!((&body["limit"], &body["offset"], &body["more"]), (&json!(25), &json!(0), &json!(true)));
    assert!(body.as_object().unwrap().contains_key("total") && body["total"].is_null());
    let body = pager.ok("/incidents?date_range=all&total=true&limit=1000&offset=1950").await;
    assert_eq!((&body["limit"], &body["more"], &body["total"]), (&json!(100), &json!(false), &json!(2000)));
    assert_eq!(rows(&body, "incidents").len(), 50);
    let body = pager.ok("/users?limit=5&offset=30").await;
    assert_eq!((rows(&body, "users").len(), &body["more"], &body["total"]), (2, &json!(false), &Value::Null));
    assert_eq!(pager.ok("/users?total=true").await["total"], 32);
}

#[tokio::test]
async fn paging_ends_at_ten_thousand() {
    let pager = Pager::start().await;
    for path in
        ["/incidents?limit=100&offset=9901", "/services?limit=25&offset=9976", "/incidents?limit=x", "/users?limit=0"]
    {
        assert_eq!(pager.get(path).await.0, 400, "{path}");
    }
    assert_eq!(pager.get("/incidents?limit=100&offset=9900").await.0, 200);
}

#[tokio::test]
async fn pages_fit_together() {
    let pager = Pager::start().await;
    let mut seen = HashSet::new();
    let mut offset = 0;
    loop {
        let body = pager.ok(&format!("/incidents?date_range=all&limit=100&offset={offset}")).await;
        let page = numbers(&body);
        offset += page.len();
        seen.extend(page);
        if body["more"] == false {
            break;
        }
    }
    assert_eq!((seen.len(), offset), (2_000, 2_000));
}

#[tokio::test]
async fn without_dates_a_list_covers_one_month() {
    let pager = Pager::start().await;
    let body = pager.ok("/incidents?limit=100").await;
    let oldest = body["incidents"][0]["created_at"].as_str().unwrap();
    assert!(("2026-10-20T12:00:00Z"..="2026-10-23T12:00:00Z").contains(&oldest), "{oldest}");
    let open = "statuses[]=triggered&statuses[]=acknowledged&limit=100";
    let windowed = numbers(&pager.ok(&format!("/incidents?{open}")).await);
    let all = numbers(&pager.ok(&format!("/incidents?{open}&date_range=all")).await);
    assert_eq!(all.len(), windowed.len() + 3);
}

#[tokio::test]
async fn a_window_is_at_most_six_months() {
    let pager = Pager::start().await;
    assert_eq!(pager.get("/incidents?since=2026-05-20T12:00:00Z&until=2026-11-20T12:00:00Z").await.0, 200);
    assert_eq!(pager.get("/incidents?since=2026-05-20T12:00:00Z").await.0, 200);
    for path in [
        "/incidents?since=2026-05-18T12:00:00Z&until=2026-11-20T12:00:00Z",
        "/incidents?since=2026-11-20&until=2026-11-19",
        "/incidents?since=tomorrow",
        "/incidents?date_range=some",
    ] {
        assert_eq!(pager.get(path).await.0, 400, "{path}");
    }
    assert_eq!(pager.get("/incidents?date_range=all&since=2020-01-01").await.0, 200);
    let body = pager.ok("/incidents?since=2026-11-01T00:00:00Z&until=2026-11-08T00:00:00Z&limit=100").await;
    assert!(!numbers(&body).is_empty());
    assert!(rows(&body, "incidents").iter().all(|row| {
        ("2026-11-01T00:00:00Z"..="2026-11-08T00:00:00Z").contains(&row["created_at"].as_str().unwrap())
    }));
}

#[tokio::test]
async fn time_zones_read_and_show_dates() {
    let pager = Pager::start().await;
    let body =
        pager.ok("/incidents?since=2026-11-20T06:30:00&until=2026-11-20T07:00:00&time_zone=America/New_York").await;
    // 11:30 to 12:00 in London: #4201 is 23 minutes old.
    let row = rows(&body, "incidents").iter().find(|row| row["incident_number"] == 4201).unwrap();
    assert_eq!(row["created_at"], "2026-11-20T06:37:00-05:00");
    assert_eq!(pager.get("/incidents?time_zone=Mars/Olympus").await.0, 400);
}

#[tokio::test]
async fn only_bracketed_sets_count_and_unknown_parameters_are_ignored() {
    let pager = Pager::start().await;
    let all = pager.ok("/incidents?date_range=all&total=true").await["total"].clone();
    for ignored in
        ["statuses=triggered", "teams_ids[]=PX", "priorities[]=P1", "team_ids=PX", "service_ids=PX", "urgencies=low"]
    {
        let body = pager.ok(&format!("/incidents?date_range=all&total=true&{ignored}")).await;
        assert_eq!(body["total"], all, "{ignored}");
    }
    let body = pager.ok("/incidents?date_range=all&total=true&statuses%5B%5D=triggered").await;
    assert!(body["total"].as_u64().unwrap() < 20);
}

#[tokio::test]
async fn incidents_are_filtered() {
    let pager = Pager::start().await;
    let service = pager.named("services", "payment-service").await;
    let team = pager.named("teams", "Platform").await;
    let user = pager.named("users", "K. Moore").await;
    let key = pager.incident(4201).await["incident_key"].as_str().unwrap().to_owned();
    let filtered = async |filter: &str| pager.ok(&format!("/incidents?date_range=all&limit=100&{filter}")).await;

    let body = filtered(&format!("service_ids[]={service}")).await;
    assert!(rows(&body, "incidents").iter().all(|row| row["service"]["id"] == service.as_str()));
    assert_eq!(rows(&body, "incidents").len(), 100);
    let body = filtered(&format!("team_ids[]={team}")).await;
    assert!(rows(&body, "incidents").iter().all(|row| row["teams"][0]["summary"] == "Platform"));
    let body = filtered("urgencies[]=low").await;
    assert!(rows(&body, "incidents").iter().all(|row| row["urgency"] == "low"));
    let body = filtered("statuses[]=resolved").await;
    assert!(rows(&body, "incidents").iter().all(|row| row["status"] == "resolved"));
    assert_eq!(numbers(&filtered(&format!("incident_key={key}")).await), [4201]);
    // Nobody is assigned to a resolved incident: naming a user means open.
    let body = filtered(&format!("user_ids[]={user}")).await;
    assert!(numbers(&body).contains(&4201));
    assert!(rows(&body, "incidents").iter().all(|row| row["status"] != "resolved"));
    let body = filtered(&format!("user_ids[]={user}&statuses[]=resolved")).await;
    assert!(numbers(&body).is_empty());
    assert_eq!(pager.get("/incidents?statuses[]=open").await.0, 400);
    assert_eq!(pager.get("/incidents?urgencies[]=huge").await.0, 400);
}

#[tokio::test]
async fn incidents_are_sorted_by_at_most_two_keys() {
    let pager = Pager::start().await;
    let newest = numbers(&pager.ok("/incidents?sort_by=created_at:desc&limit=3").await);
    assert_eq!(newest, [4203, 4202, 4201]);
    let default = pager.ok("/incidents?limit=100").await;
    assert!(numbers(&default).is_sorted());
    let body = pager
        .ok("/incidents?date_range=all&statuses[]=triggered&sort_by=urgency:desc,incident_number:desc&limit=100")
        .await;
    let keys: Vec<_> = rows(&body, "incidents")
        .iter()
        .map(|row| (row["urgency"] == "low", std::cmp::Reverse(row["incident_number"].as_u64())))
        .collect();
    assert!(keys.is_sorted() && keys.first().map(|key| key.0) != keys.last().map(|key| key.0));
    let body = pager.ok("/incidents?statuses[]=resolved&sort_by=resolved_at&limit=50").await;
    assert!(rows(&body, "incidents").iter().map(|row| row["resolved_at"].as_str()).is_sorted());
    for wrong in ["created_at,urgency,resolved_at", "title", "created_at:up"] {
        assert_eq!(pager.get(&format!("/incidents?sort_by={wrong}")).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn include_sends_whole_objects() {
    let pager = Pager::start().await;
    let plain = pager.ok("/incidents?limit=1&sort_by=created_at:desc").await;
    assert_eq!(plain["incidents"][0]["service"]["type"], "service_reference");
    let body = pager
        .ok("/incidents?limit=1&sort_by=created_at:desc&include[]=services&include[]=teams&include[]=assignees&include[]=escalation_policies&include[]=first_trigger_log_entries")
        .await;
    let row = &body["incidents"][0];
    assert_eq!((&row["service"]["type"], &row["service"]["status"]), (&json!("service"), &json!("critical")));
    assert_eq!(row["teams"][0]["type"], "team");
    assert!(row["assignments"][0]["assignee"]["email"].is_string());
    assert!(row["escalation_policy"]["escalation_rules"].is_array());
    assert_eq!(row["first_trigger_log_entry"]["type"], "trigger_log_entry");
}

#[tokio::test]
async fn services_are_found_by_part_whole_and_team() {
    let pager = Pager::start().await;
    let names = async |filter: &str| -> Vec<String> {
        let body = pager.ok(&format!("/services?limit=100&{filter}")).await;
        rows(&body, "services").iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("query=KUBERN").await, ["kubernetes-eu-west", "kubernetes-us-east"]);
    assert_eq!(names("name=search-api").await, ["search-api"]);
    assert!(names("name=search").await.is_empty());
    let team = pager.named("teams", "Payments").await;
    assert_eq!(
        names(&format!("team_ids[]={team}")).await,
        ["fraud-scoring", "gift-card-ledger", "payment-service", "refunds-worker"]
    );
    let all = names("").await;
    assert!(all.len() >= 25 && all.is_sorted());
    assert!(names("sort_by=name:desc").await.iter().rev().is_sorted());
    let id = pager.named("services", "returns-portal").await;
    assert_eq!(pager.ok(&format!("/services/{id}")).await["service"]["status"], "maintenance");
    let id = pager.named("services", "legacy-soap-bridge").await;
    assert_eq!(pager.ok(&format!("/services/{id}")).await["service"]["status"], "disabled");
    let body = pager.ok("/services?name=payment-service&include[]=escalation_policies").await;
    assert!(body["services"][0]["escalation_policy"]["escalation_rules"].is_array());
}

#[tokio::test]
async fn people_teams_policies_and_schedules_are_listed_and_shown() {
    let pager = Pager::start().await;
    let team = pager.named("teams", "Platform").await;
    assert_eq!(pager.ok(&format!("/teams/{team}")).await["team"]["name"], "Platform");
    let body = pager.ok(&format!("/users?team_ids[]={team}&query=lee")).await;
    assert_eq!(rows(&body, "users").len(), 1);
    let user = body["users"][0]["id"].as_str().unwrap();
    assert_eq!(pager.ok(&format!("/users/{user}")).await["user"]["name"], "J. Lee");
    let body = pager.ok(&format!("/escalation_policies?team_ids[]={team}")).await;
    let names: Vec<_> = rows(&body, "escalation_policies").iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Major incident", "Platform 24x7", "Platform low urgency"]);
    let body = pager.ok(&format!("/escalation_policies?user_ids[]={user}&query=24x7")).await;
    assert_eq!(rows(&body, "escalation_policies").len(), 1);
    let policy = body["escalation_policies"][0]["id"].as_str().unwrap();
    let body = pager.ok(&format!("/escalation_policies/{policy}?include[]=targets")).await;
    assert_eq!(body["escalation_policy"]["escalation_rules"][2]["targets"][0]["role"], "admin");
    let body = pager.ok(&format!("/schedules?team_ids[]={team}&query=follow")).await;
    let schedule = body["schedules"][0]["id"].as_str().unwrap();
    let body = pager.ok(&format!("/schedules/{schedule}?since=2026-11-20T12:00:00Z&until=2026-11-21T12:00:00Z")).await;
    let entries = rows(&body["schedule"]["final_schedule"], "rendered_schedule_entries");
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[0]["user"]["summary"], "J. Lee");
    let body = pager.ok("/priorities").await;
    let names: Vec<_> = rows(&body, "priorities").iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["P1", "P2", "P3", "P4", "P5"]);
}
