//! `GET /incidents` and `GET /incidents/{id}`.

use super::rows::{self, Includes};
use crate::clock::{Zone, months_from};
use crate::http::error::ApiError;
use crate::http::query::Query;
use crate::http::{Call, Reply};
use crate::state::{Incident, Place, State, Status, Urgency};
use serde_json::json;
use std::cmp::Ordering;

/// The window when no dates are given.
const DEFAULT_MONTHS: i32 = 1;
/// The longest window.
const MAX_MONTHS: i32 = 6;
/// A client computes "six months ago" by its own clock a moment before the request arrives.
const WINDOW_SLACK_S: i64 = 60;
/// More keys to sort by are refused.
const MAX_SORT_KEYS: usize = 2;
/// A row is about this long; used to reserve memory once.
const ROW_BYTES: usize = 2_500;

/// Which incidents are wanted.
struct Filter<'a> {
    /// Inclusive, Unix seconds; none with `date_range=all`.
    window_s: Option<(i64, i64)>,
    statuses: Vec<Status>,
    urgencies: Vec<Urgency>,
    services: Vec<&'a str>,
    teams: Vec<&'a str>,
    users: Vec<&'a str>,
    key: Option<&'a str>,
}

impl<'a> Filter<'a> {
    fn parse(query: &'a Query, now_s: i64) -> Result<Filter<'a>, ApiError> {
        let statuses = query.set("statuses[]").into_iter().map(|name| {
            Status::named(name)
                .ok_or_else(|| ApiError::invalid("statuses[] must be triggered, acknowledged or resolved"))
        });
        let urgencies = query
            .set("urgencies[]")
            .into_iter()
            .map(|name| Urgency::named(name).ok_or_else(|| ApiError::invalid("urgencies[] must be high or low")));
        Ok(Filter {
            window_s: window(query, now_s)?,
            statuses: statuses.collect::<Result<_, _>>()?,
            urgencies: urgencies.collect::<Result<_, _>>()?,
            services: query.set("service_ids[]"),
            teams: query.set("team_ids[]"),
            users: query.set("user_ids[]"),
            key: query.one("incident_key"),
        })
    }

    /// Whether only open incidents can match: their index is much smaller. Nobody is assigned to a resolved
    /// incident, so `user_ids[]` means open.
    fn open_only(&self) -> bool {
        !self.users.is_empty() || (!self.statuses.is_empty() && !self.statuses.contains(&Status::Resolved))
    }

    fn fits(&self, incident: &Incident) -> bool {
        self.window_s.is_none_or(|(since_s, until_s)| (since_s..=until_s).contains(&incident.created_at_s))
            && (self.statuses.is_empty() || self.statuses.contains(&incident.status))
            && (self.urgencies.is_empty() || self.urgencies.contains(&incident.urgency))
            && (self.services.is_empty() || self.services.contains(&incident.service.id.as_str()))
            && (self.teams.is_empty() || self.teams.contains(&incident.policy.team.id.as_str()))
            && (self.users.is_empty()
                || incident.assignments.iter().any(|one| self.users.contains(&one.user.id.as_str())))
            && self.key.is_none_or(|key| incident.key == key || incident.alerts.iter().any(|alert| alert.key == key))
    }

    /// Places that can match, oldest first.
    fn candidates<'s>(&self, state: &'s State) -> Box<dyn DoubleEndedIterator<Item = Place> + 's> {
        if self.open_only() {
            return Box::new(state.open().iter().copied());
        }
        match self.window_s {
            None => Box::new(0..state.all().len()),
            Some((since_s, until_s)) => {
                let first = state.all().partition_point(|incident| incident.created_at_s < since_s);
                let end = state.all().partition_point(|incident| incident.created_at_s <= until_s);
                Box::new(first..end.max(first))
            }
        }
    }
}

/// The dates asked for. Dates without an offset are read in `time_zone`, or in the account's.
fn window(query: &Query, now_s: i64) -> Result<Option<(i64, i64)>, ApiError> {
    match query.one("date_range") {
        Some("all") => return Ok(None),
        Some(_) => return Err(ApiError::invalid("date_range must be all")),
        None => {}
    }
    let zone = query.zone()?.unwrap_or_else(Zone::account);
    let until_s = query.moment("until", &zone)?;
    let since_s = query.moment("since", &zone)?;
    let until_s = until_s.unwrap_or(now_s);
    let since_s = since_s.unwrap_or_else(|| months_from(until_s, -DEFAULT_MONTHS));
    if since_s > until_s {
        return Err(ApiError::invalid("since must not be after until"));
    }
    if since_s.saturating_add(WINDOW_SLACK_S) < months_from(until_s, -MAX_MONTHS) {
        return Err(ApiError::invalid("the date range must not exceed 6 months"));
    }
    Ok(Some((since_s, until_s)))
}

#[derive(Clone, Copy)]
enum SortKey {
    Number,
    Created,
    Resolved,
    Urgency,
}

/// `sort_by=created_at:desc,urgency`: at most two keys, ascending unless said otherwise.
fn sort_keys(query: &Query) -> Result<Vec<(SortKey, bool)>, ApiError> {
    let text = query.one("sort_by").unwrap_or_default();
    let keys = text.split(',').filter(|part| !part.is_empty()).map(|part| {
        let (name, direction) = part.split_once(':').unwrap_or((part, "asc"));
        let key = match name {
            "incident_number" => SortKey::Number,
            "created_at" => SortKey::Created,
            "resolved_at" => SortKey::Resolved,
            "urgency" => SortKey::Urgency,
            _ => return Err(ApiError::invalid("sort_by must be incident_number, created_at, resolved_at or urgency")),
        };
        match direction {
            "asc" => Ok((key, false)),
            "desc" => Ok((key, true)),
            _ => Err(ApiError::invalid("the direction of sort_by must be asc or desc")),
        }
    });
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    if keys.len() > MAX_SORT_KEYS {
        return Err(ApiError::invalid("sort_by takes at most two keys"));
    }
    Ok(keys)
}

fn compare(one: &Incident, other: &Incident, keys: &[(SortKey, bool)]) -> Ordering {
    keys.iter().fold(Ordering::Equal, |order, &(key, descending)| {
        order.then_with(|| {
            let by_key = match key {
                SortKey::Number => one.number.cmp(&other.number),
                SortKey::Created => one.created_at_s.cmp(&other.created_at_s),
                SortKey::Resolved => one.resolved_at_s.cmp(&other.resolved_at_s),
                SortKey::Urgency => one.urgency.cmp(&other.urgency),
            };
            if descending { by_key.reverse() } else { by_key }
        })
    })
}

/// `GET /incidents`. Sorted by creation, oldest first, unless told otherwise.
pub(crate) fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let page = call.query.page()?;
    let filter = Filter::parse(&call.query, call.app.clock.now_s())?;
    let keys = sort_keys(&call.query)?;
    let zone = call.query.zone()?.unwrap_or(Zone::UTC);
    let includes = Includes::of(&call.query);
    let state = call.app.state();

    let matching = |place: &Place| state.at(*place).is_some_and(|incident| filter.fits(incident));
    // Storage is in order of creation: that order needs no sorting, and no look past the page.
    let places: Box<dyn Iterator<Item = Place>> = match keys.as_slice() {
        [] | [(SortKey::Created, false)] => Box::new(filter.candidates(&state).filter(matching)),
        [(SortKey::Created, true)] => Box::new(filter.candidates(&state).rev().filter(matching)),
        keys => {
            let mut found: Vec<Place> = filter.candidates(&state).filter(matching).collect();
            found.sort_by(|&one, &other| match (state.at(one), state.at(other)) {
                (Some(one), Some(other)) => compare(one, other, keys),
                _ => Ordering::Equal,
            });
            Box::new(found.into_iter())
        }
    };
    let mut rest = places.skip(page.offset);
    let mut body = Vec::with_capacity(page.limit.saturating_mul(ROW_BYTES));
    body.extend_from_slice(b"{\"incidents\":[");
    let mut shown = 0_usize;
    for incident in rest.by_ref().take(page.limit).filter_map(|place| state.at(place)) {
        if shown > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&rows::bytes(incident, &state, &call.app.company, &zone, includes));
        shown = shown.saturating_add(1);
    }
    let more = rest.next().is_some();
    drop(rest);
    let total = page.total.then(|| filter.candidates(&state).filter(matching).count());
    let end = json!({"limit": page.limit, "offset": page.offset, "more": more, "total": total}).to_string();
    body.extend_from_slice(b"],");
    body.extend_from_slice(end.trim_start_matches('{').as_bytes());
    Ok(Reply::ready(body))
}

/// `GET /incidents/{id}`: takes an identifier or an incident number.
pub(crate) fn show(call: &Call<'_>) -> Result<Reply, ApiError> {
    let zone = call.query.zone()?.unwrap_or(Zone::UTC);
    let state = call.app.state();
    let incident = by_id_or_number(&state, call.id)?;
    let mut shown = rows::value(incident, &state, &call.app.company, &zone, Includes::of(&call.query));
    if let Some(details) = &incident.body {
        super::render::extend(&mut shown, json!({"body": {"type": "incident_body", "details": details}}));
    }
    Ok(Reply::ok(&json!({"incident": shown})))
}

/// What reads accept: an identifier, or a number.
pub(crate) fn by_id_or_number<'s>(state: &'s State, id: &str) -> Result<&'s Incident, ApiError> {
    let place = match id.parse::<u32>() {
        Ok(number) => state.place_of_number(number),
        Err(_) => state.place_of(id),
    };
    place.and_then(|place| state.at(place)).ok_or_else(ApiError::not_found)
}
