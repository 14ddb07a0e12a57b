//! `GET /services`: the status of a service follows its open incidents.

use super::directory::name_matches;
use super::page::paged;
use super::render::{self, Includes};
use crate::clock::Zone;
use crate::http::error::ApiError;
use crate::http::{Call, Reply};
use serde_json::json;

fn includes(call: &Call<'_>) -> Includes {
    Includes { teams: call.query.includes("teams"), policies: call.query.includes("escalation_policies") }
}

/// `GET /services`: `query` (part of the name), `name` (the whole name), `team_ids[]`, `sort_by=name[:desc]`.
pub(crate) fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let page = call.query.page()?;
    let zone = call.query.zone()?.unwrap_or_else(Zone::account);
    let query = call.query.one("query");
    let exact = call.query.one("name");
    let teams = call.query.set("team_ids[]");
    let mut services: Vec<_> = call
        .app
        .company
        .services
        .iter()
        .filter(|service| name_matches(service.name, query))
        .filter(|service| exact.is_none_or(|name| service.name == name))
        .filter(|service| teams.is_empty() || teams.contains(&service.team.id.as_str()))
        .collect();
    services.sort_by_key(|service| service.name);
    match call.query.one("sort_by") {
        None | Some("name" | "name:asc") => {}
        Some("name:desc") => services.reverse(),
        Some(_) => return Err(ApiError::invalid("sort_by must be name, name:asc or name:desc")),
    }
    let state = call.app.state();
    let includes = includes(call);
    Ok(paged("services", &services, page, |service| {
        render::service(service, &state, &call.app.company, &zone, includes)
    }))
}

/// `GET /services/{id}`.
pub(crate) fn show(call: &Call<'_>) -> Result<Reply, ApiError> {
    let service = call.app.company.service(call.id).ok_or_else(ApiError::not_found)?;
    let shown = render::service(service, &call.app.state(), &call.app.company, &Zone::account(), includes(call));
    Ok(Reply::ok(&json!({"service": shown})))
}
