//! The shapes that many answers share: references, and the things they refer to.

use crate::clock::Zone;
use crate::company::{Company, Policy, Priority, SUBDOMAIN, Schedule, Service, Target, Team, User};
use crate::state::{Agent, State};
use serde_json::{Value, json};

/// `{id, type, summary, self, html_url}`, as one object points at another.
fn linked(kind: &str, collection: &str, web: Option<&str>, id: &str, summary: &str) -> Value {
    json!({
        "id": id,
        "type": kind,
        "summary": summary,
        "self": format!("https://api.pagerduty.com/{collection}/{id}"),
        "html_url": web.map(|web| format!("https://{SUBDOMAIN}.pagerduty.com/{web}/{id}")),
    })
}

pub(crate) fn user_reference(user: &User) -> Value {
    linked("user_reference", "users", Some("users"), &user.id, user.name)
}

pub(crate) fn team_reference(team: &Team) -> Value {
    linked("team_reference", "teams", Some("teams"), &team.id, team.name)
}

pub(crate) fn service_reference(service: &Service) -> Value {
    linked("service_reference", "services", Some("service-directory"), &service.id, service.name)
}

pub(crate) fn policy_reference(policy: &Policy) -> Value {
    linked("escalation_policy_reference", "escalation_policies", Some("escalation_policies"), &policy.id, policy.name)
}

pub(crate) fn schedule_reference(schedule: &Schedule) -> Value {
    linked("schedule_reference", "schedules", Some("schedules"), &schedule.id, schedule.name)
}

pub(crate) fn agent(agent: &Agent) -> Value {
    match agent {
        Agent::User(user) => user_reference(user),
        Agent::Service(service) => service_reference(service),
    }
}

/// A priority is sent whole wherever it appears.
pub(crate) fn priority(priority: &Priority) -> Value {
    let mut value = linked("priority", "priorities", None, &priority.id, priority.name);
    extend(
        &mut value,
        json!({
            "name": priority.name,
            "description": priority.description,
            "color": priority.color,
            "order": priority.order,
            "schema_version": 0,
        }),
    );
    value
}

pub(crate) fn team(team: &Team) -> Value {
    let mut value = linked("team", "teams", Some("teams"), &team.id, team.name);
    extend(
        &mut value,
        json!({"name": team.name, "description": team.description, "parent": null, "default_role": "manager"}),
    );
    value
}

pub(crate) fn user(user: &User) -> Value {
    let mut value = linked("user", "users", Some("users"), &user.id, user.name);
    extend(
        &mut value,
        json!({
            "name": user.name,
            "email": user.email,
            "time_zone": user.time_zone,
            "color": "teal",
            "avatar_url": "https://avatars.harbourandfinch.example/blank.png",
            "billed": true,
            "role": user.role,
            "description": null,
            "invitation_sent": false,
            "job_title": user.job_title,
            "created_via_sso": true,
            "teams": user.teams.iter().map(|team| team_reference(team)).collect::<Vec<_>>(),
            "contact_methods": [],
            "notification_rules": [],
            "coordinated_incidents": [],
        }),
    );
    value
}

pub(crate) fn policy(policy: &Policy, company: &Company, include_targets: bool) -> Value {
    let rules: Vec<Value> = policy
        .rules
        .iter()
        .map(|rule| {
            let targets: Vec<Value> = rule
                .targets
                .iter()
                .map(|target| match target {
                    Target::User(one) if include_targets => user(one),
                    Target::User(one) => user_reference(one),
                    Target::Schedule(one) => schedule_reference(one),
                })
                .collect();
            json!({
                "id": rule.id,
                "escalation_delay_in_minutes": rule.delay_minutes,
                "escalation_rule_assignment_strategy": {"type": "assign_to_everyone"},
                "targets": targets,
            })
        })
        .collect();
    let services: Vec<Value> = company
        .services
        .iter()
        .filter(|service| service.policy.id == policy.id)
        .map(|service| service_reference(service))
        .collect();
    let mut value =
        linked("escalation_policy", "escalation_policies", Some("escalation_policies"), &policy.id, policy.name);
    extend(
        &mut value,
        json!({
            "name": policy.name,
            "description": policy.description,
            "num_loops": policy.loops,
            "on_call_handoff_notifications": "if_has_services",
            "escalation_rules": rules,
            "services": services,
            "teams": [team_reference(&policy.team)],
            "privilege": null,
        }),
    );
    value
}

pub(crate) fn service(service: &Service, state: &State, company: &Company, zone: &Zone, includes: Includes) -> Value {
    let integration_id = crate::random::identifier("P", 7, "integration", service.name, 0);
    let last = state.last_incident_s(&service.id).map(|at_s| zone.show(at_s));
    let mut value = linked("service", "services", Some("service-directory"), &service.id, service.name);
    extend(
        &mut value,
        json!({
            "name": service.name,
            "description": service.description,
            "created_at": zone.show(service.created_at_s),
            "updated_at": zone.show(service.created_at_s.saturating_add(86_400 * 30)),
            "status": state.service_status(service),
            "auto_resolve_timeout": null,
            "acknowledgement_timeout": 1800,
            "last_incident_timestamp": last,
            "teams": [if includes.teams { team(&service.team) } else { team_reference(&service.team) }],
            "escalation_policy": if includes.policies {
                policy(&service.policy, company, false)
            } else {
                policy_reference(&service.policy)
            },
            "incident_urgency_rule": {"type": "constant", "urgency": "severity_based"},
            "support_hours": null,
            "scheduled_actions": [],
            "addons": [],
            "alert_creation": "create_alerts_and_incidents",
            "alert_grouping_parameters": {"type": "intelligent", "config": {"time_window": 300}},
            "integrations": [{
                "id": integration_id,
                "type": "events_api_v2_inbound_integration_reference",
                "summary": service.integration,
                "self": format!("https://api.pagerduty.com/services/{}/integrations/{integration_id}", service.id),
                "html_url": format!(
                    "https://{SUBDOMAIN}.pagerduty.com/services/{}/integrations/{integration_id}", service.id
                ),
            }],
            "response_play": null,
            "auto_pause_notifications_parameters": {"enabled": false, "timeout": null},
            "service_cell": "eu-3",
        }),
    );
    value
}

/// Which references of a service are sent whole.
#[derive(Clone, Copy, Default)]
pub(crate) struct Includes {
    pub(crate) teams: bool,
    pub(crate) policies: bool,
}

pub(crate) fn schedule(schedule: &Schedule, company: &Company) -> Value {
    let users: Vec<Value> = schedule.users.iter().map(|user| user_reference(user)).collect();
    let policies: Vec<Value> = company
        .policies
        .iter()
        .filter(|policy| {
            policy.rules.iter().flat_map(|rule| &rule.targets).any(|target| match target {
                Target::Schedule(one) => one.id == schedule.id,
                Target::User(_) => false,
            })
        })
        .map(|policy| policy_reference(policy))
        .collect();
    let mut value = linked("schedule", "schedules", Some("schedules"), &schedule.id, schedule.name);
    extend(
        &mut value,
        json!({
            "name": schedule.name,
            "time_zone": schedule.time_zone,
            "description": schedule.description,
            "users": users,
            "escalation_policies": policies,
            "teams": [team_reference(&schedule.team)],
            "personal_schedule": false,
        }),
    );
    value
}

/// Adds the fields of one object to another.
pub(crate) fn extend(value: &mut Value, more: Value) {
    if let (Value::Object(fields), Value::Object(more)) = (value, more) {
        fields.extend(more);
    }
}
