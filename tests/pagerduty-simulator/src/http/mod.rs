//! The HTTP side: one handler, one order of steps, so that every endpoint behaves alike.
//!
//! 1. the control surface, which needs no token
//! 2. read the body, bounded
//! 3. record the request
//! 4. a fault that waits for it
//! 5. authenticate, else 401
//! 6. find the route, else 404
//! 7. count it against the rate limits, else 429
//! 8. the token's scope, else 403; then the user's role, else 403
//! 9. the content type of a write, else 400
//! 10. the endpoint itself

mod answer;
pub(crate) mod auth;
mod broken_body;
mod control;
pub(crate) mod error;
pub(crate) mod faults;
mod limits;
pub(crate) mod query;
pub(crate) mod record;
mod routes;

pub(crate) use answer::Reply;

use crate::clock::Clock;
use crate::company::Company;
use crate::config::Config;
use crate::state::State as Data;
use anyhow::{Context, Result};
use auth::{Auth, Principal};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use bytes::Bytes;
use error::ApiError;
use faults::{Faults, Verdict};
use http::{HeaderMap, Method, Request};
use limits::{Allowance, Limits};
use query::Query;
use record::Recorder;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A request body beyond this is refused with 413. PagerDuty's largest write, 250 incidents, is far below.
const MAX_REQUEST_BODY_BYTES: usize = 1024 * 1024;

/// All that a request can reach.
pub(crate) struct App {
    pub(crate) company: Company,
    pub(crate) clock: Clock,
    pub(crate) recorder: Recorder,
    pub(crate) faults: Faults,
    pub(crate) priorities_ability: bool,
    auth: Auth,
    limits: Option<Limits>,
    state: RwLock<Data>,
}

impl App {
    pub(crate) fn new(config: Config) -> Result<App> {
        let clock = Clock::starting_at(config.now.unwrap_or_else(jiff::Timestamp::now));
        let company = Company::new(clock.start_s())?;
        let state = Data::new(&company, config.seed, config.incidents, clock.start_s())?;
        let auth = Auth::new(&config, &company).context("in the simulator's tokens")?;
        Ok(App {
            recorder: Recorder::new(config.record_requests),
            faults: Faults::default(),
            priorities_ability: config.priorities_ability,
            limits: Limits::from_config(&config),
            state: RwLock::new(state),
            company,
            clock,
            auth,
        })
    }

    pub(crate) fn state(&self) -> RwLockReadGuard<'_, Data> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state_mut(&self) -> RwLockWriteGuard<'_, Data> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One authenticated request, as an endpoint sees it.
pub(crate) struct Call<'a> {
    pub(crate) app: &'a App,
    pub(crate) principal: &'a Principal,
    pub(crate) query: Query,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
    /// The `{id}` of the path, empty where there is none.
    pub(crate) id: &'a str,
}

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new().fallback(serve).with_state(app)
}

async fn serve(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let read = to_bytes(body, MAX_REQUEST_BODY_BYTES).await;
    let path = parts.uri.path();
    if path == "/_simulator" || path.starts_with("/_simulator/") {
        return control::serve(&app, peer, &parts, &read.unwrap_or_default());
    }
    app.recorder.record(&parts, read.as_ref().ok());
    let verdict = app.faults.take(parts.method.as_str(), path);
    if let Some(Verdict::Delay(delay)) = verdict {
        tokio::time::sleep(delay).await;
    }
    if let Some(Verdict::Instead(kind)) = &verdict {
        return answer::instead(kind);
    }
    let Ok(body) = read else {
        return answer::plain(Err(ApiError::too_large("the request body exceeds 1 MiB")));
    };
    let response = respond(&app, &parts, &body);
    match verdict {
        Some(Verdict::CutOff { after_bytes }) => answer::cut_off(response, after_bytes).await,
        _ => response,
    }
}

fn respond(app: &App, parts: &http::request::Parts, body: &Bytes) -> Response {
    let principal = match app.auth.authenticate(&parts.headers) {
        Ok(principal) => principal,
        Err(error) => return answer::plain(Err(error)),
    };
    let Some(route) = routes::find(&parts.method, parts.uri.path()) else {
        return answer::plain(Err(ApiError::not_found()));
    };
    let allowance = app.limits.as_ref().map(|limits| limits.take(principal, route.bucket));
    if let Some(allowance @ Allowance { exhausted: true, .. }) = &allowance {
        return answer::counted(Err(ApiError::rate_limited()), Some(allowance));
    }
    let result = permitted(principal, &route, parts, body).and_then(|()| {
        (route.endpoint)(&Call {
            app,
            principal,
            query: Query::parse(parts.uri.query().unwrap_or_default()),
            headers: &parts.headers,
            body,
            id: route.id,
        })
    });
    answer::counted(result, allowance.as_ref())
}

/// Steps 8 and 9: scope, role, content type.
fn permitted(
    principal: &Principal,
    route: &routes::Route<'_>,
    parts: &http::request::Parts,
    body: &Bytes,
) -> Result<(), ApiError> {
    if let Some(scope) = route.scope.filter(|scope| !principal.has_scope(scope)) {
        return Err(ApiError::missing_scope(scope));
    }
    let writes = parts.method != Method::GET;
    if writes && !principal.may_write() {
        return Err(ApiError::access_denied());
    }
    let json = parts
        .headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("application/json"));
    if writes && (!json || body.is_empty()) {
        return Err(ApiError::not_a_hash());
    }
    Ok(())
}
