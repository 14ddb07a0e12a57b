//! The endpoints that exist: method, path, scope, and the bucket that a call is counted in.

use super::error::ApiError;
use super::limits::Bucket;
use super::{Call, Reply};
use crate::api::{directory, escalation, incidents, oncalls, services, timeline, update, webhooks};
use http::Method;

/// Serves one endpoint.
pub(crate) type Endpoint = fn(&Call<'_>) -> Result<Reply, ApiError>;

pub(crate) struct Route<'a> {
    pub(crate) endpoint: Endpoint,
    /// What an OAuth token must hold. `GET /users/me` declares none.
    pub(crate) scope: Option<&'static str>,
    pub(crate) bucket: Bucket,
    pub(crate) id: &'a str,
}

/// The route of a request; none is a 404, as for everything that PagerDuty has and this does not.
pub(crate) fn find<'a>(method: &Method, path: &'a str) -> Option<Route<'a>> {
    // No path here has more than three segments; a fourth makes the match fail.
    let mut parts = path.strip_prefix('/')?.splitn(4, '/');
    let segments = [parts.next(), parts.next(), parts.next(), parts.next()];
    let [Some(first), second, third, None] = segments else { return None };
    let route = |endpoint: Endpoint, scope| Route {
        endpoint,
        scope: Some(scope),
        bucket: Bucket::Ordinary,
        id: second.unwrap_or_default(),
    };
    let write = |endpoint: Endpoint| Route { bucket: Bucket::IncidentWrites, ..route(endpoint, "incidents.write") };
    let found = match (method.as_str(), first, second, third) {
        ("GET", "incidents", None, None) => route(incidents::list, "incidents.read"),
        ("POST", "incidents", None, None) => write(update::create),
        ("PUT", "incidents", None, None) => write(update::many),
        ("GET", "incidents", Some(_), None) => route(incidents::show, "incidents.read"),
        ("PUT", "incidents", Some(_), None) => write(update::one),
        ("GET", "incidents", Some(_), Some("notes")) => route(timeline::notes, "incidents.read"),
        ("POST", "incidents", Some(_), Some("notes")) => route(timeline::add_note, "incidents.write"),
        ("GET", "incidents", Some(_), Some("log_entries")) => route(timeline::log_entries, "incidents.read"),
        ("GET", "incidents", Some(_), Some("alerts")) => route(timeline::alerts, "incidents.read"),
        ("PUT", "incidents", Some(_), Some("merge")) => write(update::merge),
        ("POST", "incidents", Some(_), Some("snooze")) => write(update::snooze),
        ("GET", "services", None, None) => route(services::list, "services.read"),
        ("GET", "services", Some(_), None) => route(services::show, "services.read"),
        ("GET", "oncalls", None, None) => Route { bucket: Bucket::Oncalls, ..route(oncalls::list, "oncalls.read") },
        ("GET", "users", None, None) => route(directory::users, "users.read"),
        ("GET", "users", Some("me"), None) => Route { scope: None, ..route(directory::me, "") },
        ("GET", "users", Some(_), None) => route(directory::user, "users.read"),
        ("GET", "teams", None, None) => route(directory::teams, "teams.read"),
        ("GET", "teams", Some(_), None) => route(directory::team, "teams.read"),
        ("GET", "priorities", None, None) => route(directory::priorities, "priorities.read"),
        ("GET", "escalation_policies", None, None) => route(escalation::policies, "escalation_policies.read"),
        ("GET", "escalation_policies", Some(_), None) => route(escalation::policy, "escalation_policies.read"),
        ("GET", "schedules", None, None) => route(escalation::schedules, "schedules.read"),
        ("GET", "schedules", Some(_), None) => route(escalation::schedule, "schedules.read"),
        ("POST", "webhook_subscriptions", None, None) => route(webhooks::create, "webhook_subscriptions.write"),
        _ => return None,
    };
    Some(found)
}
