//! People, teams and priorities: read-only lists of what the company is made of.

use super::page::paged;
use super::render;
use crate::http::error::ApiError;
use crate::http::{Call, Reply};
use serde_json::json;

/// Whether a name contains the query, in any case; no query fits all.
pub(crate) fn name_matches(name: &str, query: Option<&str>) -> bool {
    query.is_none_or(|query| name.to_lowercase().contains(&query.to_lowercase()))
}

/// `GET /users`: `query` (name or email), `team_ids[]`.
pub(crate) fn users(call: &Call<'_>) -> Result<Reply, ApiError> {
    let page = call.query.page()?;
    let query = call.query.one("query");
    let teams = call.query.set("team_ids[]");
    let users: Vec<_> = call
        .app
        .company
        .users
        .iter()
        .filter(|user| name_matches(user.name, query) || name_matches(&user.email, query))
        .filter(|user| teams.is_empty() || user.teams.iter().any(|team| teams.contains(&team.id.as_str())))
        .collect();
    Ok(paged("users", &users, page, |user| render::user(user)))
}

/// `GET /users/{id}`.
pub(crate) fn user(call: &Call<'_>) -> Result<Reply, ApiError> {
    let user = call.app.company.user(call.id).ok_or_else(ApiError::not_found)?;
    Ok(Reply::ok(&json!({"user": render::user(user)})))
}

/// `GET /users/me`: the person behind the token; an account-level key has none.
pub(crate) fn me(call: &Call<'_>) -> Result<Reply, ApiError> {
    match &call.principal.user {
        Some(user) => Ok(Reply::ok(&json!({"user": render::user(user)}))),
        None => Err(ApiError::invalid("an account-level token has no user")),
    }
}

/// `GET /teams`: `query`.
pub(crate) fn teams(call: &Call<'_>) -> Result<Reply, ApiError> {
    let page = call.query.page()?;
    let query = call.query.one("query");
    let teams: Vec<_> = call.app.company.teams.iter().filter(|team| name_matches(team.name, query)).collect();
    Ok(paged("teams", &teams, page, |team| render::team(team)))
}

/// `GET /teams/{id}`.
pub(crate) fn team(call: &Call<'_>) -> Result<Reply, ApiError> {
    let team = call.app.company.teams.iter().find(|team| team.id == call.id).ok_or_else(ApiError::not_found)?;
    Ok(Reply::ok(&json!({"team": render::team(team)})))
}

/// `GET /priorities`; 402 where the plan has none.
pub(crate) fn priorities(call: &Call<'_>) -> Result<Reply, ApiError> {
    if !call.app.priorities_ability {
        return Err(ApiError::ability_missing());
    }
    let page = call.query.page()?;
    Ok(paged("priorities", &call.app.company.priorities, page, |one| render::priority(one)))
}
