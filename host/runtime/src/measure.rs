//! Parts of a call by themselves, so that a benchmark can say what they cost: the same request through the gate and
//! beside it, over a connection of the caller's own, and an instance without the steps of a call around it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, USER_AGENT};
use http_body_util::{BodyExt, Empty, Full};
use secrecy::ExposeSecret;
use toolkeep_policy::{Base, EgressPolicy, Method, OriginMapping, PathTemplate, Route};
use toolkeep_vault::{ConnectionKey, Resolved, Vault};
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::component::Connector;
use crate::description::Origin;
use crate::gate::{BoundCredential, Gate, GatedOrigin, Lease};
use crate::host::Host;
use crate::instance::{Guest, State};
use crate::limits::Limits;
use crate::resolver::SystemResolver;
use crate::upstream::{Reach, Upstream, Upstreams};

/// What the request is declared to go to.
const DECLARED: &str = "https://api.example.com";
/// The request's path.
const PATH: &str = "/things";
/// Media type that the request asks for.
const JSON: &str = "application/json";

/// Why a way came to nothing.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A fresh instance of the connector that has this tool, within all limits, one call of the tool without arguments,
/// and the instance's end. Nobody is asked and nothing is recorded: its gate is closed, so it can reach nothing.
///
/// # Errors
/// No loaded connector has the tool, or the tool failed.
pub async fn instantiate_and_call(host: &Host, tool: &str) -> Result<(), Failure> {
    let (connector, tool) = {
        let loaded = host.parts.loaded();
        let has_it = |connector: &&Arc<Connector>| connector.description.tools.iter().any(|its| its.name == tool);
        (loaded.values().find(has_it).cloned().ok_or("no connector has this tool")?, tool.to_owned())
    };
    let limits = &host.parts.limits;
    let ran = Guest::mute(&host.parts.loader.engine, limits)
        .run(&connector.pre, limits, async |store: &mut Store<State>, instance: &Instance| {
            connector.exports.call(store, instance, &tool, "{}").await
        })
        .await;
    match ran {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("{error:?}").into()),
        Err(failure) => Err(format!("{failure:?}").into()),
    }
}

/// Two ways over one pool of connections to the same upstream.
pub struct TwoWays {
    upstream: Upstream,
    declared: Base,
    real: Base,
    route: Route,
    vault: Arc<Vault>,
    connection: Resolved,
    limits: Limits,
}

impl TwoWays {
    /// Ways to `base`, which answers `GET /things`, with the credential of a connection in `vault`.
    ///
    /// # Errors
    /// The base is not one that an operator may name, or the connection cannot be resolved.
    pub fn new(base: &str, vault: Arc<Vault>, connection: &ConnectionKey) -> Result<Self, Failure> {
        let limits = Limits::default();
        let upstreams = Upstreams::new(&limits, Arc::new(SystemResolver), Vec::new())?;
        Ok(Self {
            upstream: upstreams.of("measured", 1, Reach::Operator),
            declared: Base::parse(DECLARED)?,
            real: Base::parse_operator(base)?,
            route: Route { method: Method::Get, origin: "api".to_owned(), path: PathTemplate::parse(PATH)? },
            connection: vault.resolve(connection)?,
            vault,
            limits,
        })
    }

    /// One request through a gate of its own, from making the gate to its closed ledger: the body of the answer.
    ///
    /// # Errors
    /// Whatever the gate says.
    pub async fn through_the_gate(&self) -> Result<Bytes, Failure> {
        let credential =
            BoundCredential::new("api", "authorization", "Bearer ", &self.connection.secret, "con_0".to_owned());
        let mapping = OriginMapping { declared: self.declared.clone(), real: self.real.clone() };
        let policy = EgressPolicy::new(BTreeMap::from([("api".to_owned(), mapping)]), vec![self.route.clone()]);
        let declared = Origin {
            name: "api".to_owned(),
            base: self.declared.clone(),
            alternatives: Vec::new(),
            request_headers: Vec::new(),
            response_headers: Vec::new(),
            account_headers: Vec::new(),
        };
        let origin =
            GatedOrigin { declared: declared.into(), account_headers: Vec::new(), upstream: self.upstream.clone() };
        let Resolved { connection, .. } = &self.connection;
        let lease = Lease::new(Arc::clone(&self.vault), connection.key.clone(), connection.version);
        let gate = Gate::new("measured", policy, vec![origin], credential, self.limits.clone(), None);
        let gate = Arc::new(gate.leased(Some(lease)));
        let request = http::Request::get(format!("{DECLARED}{PATH}"))
            .header(ACCEPT, JSON)
            .body(Empty::new().map_err(|never| match never {}).boxed_unsync())?;
        let answer = Arc::clone(&gate).exchange(request).await?;
        let body = answer.into_body().collect().await?.to_bytes();
        let (records, _, breach) = gate.close();
        match (records.len(), breach) {
            (1, None) => Ok(body),
            (records, breach) => Err(format!("{records} records, {breach:?}").into()),
        }
    }

    /// The same request by the same client, with nothing between: the body of the answer.
    ///
    /// # Errors
    /// Whatever the client says.
    pub async fn beside_the_gate(&self) -> Result<Bytes, Failure> {
        let request = http::Request::get(format!("{}{PATH}", self.real))
            .header(ACCEPT, JSON)
            .header(HOST, self.real.authority())
            .header(USER_AGENT, "toolkeep")
            .header(ACCEPT_ENCODING, "identity")
            .header(http::header::AUTHORIZATION, format!("Bearer {}", self.connection.secret.expose_secret()))
            .body(Full::default())?;
        let answer = self.upstream.client.request(request).await?;
        Ok(answer.into_body().collect().await?.to_bytes())
    }
}
