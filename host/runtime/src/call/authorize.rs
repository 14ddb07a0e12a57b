//! The first step: may this principal make this call, over which connection, with which requests?
//!
//! Everything is decided here before anything is recorded or run; the answer is a [`ScopedCall`].

use std::collections::BTreeMap;
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use toolkeep_policy::{Access, Base, EgressPolicy, OriginMapping, Principal, Route, check_scopes};
use toolkeep_vault::{Account, Connection, ConnectionKey, CredentialKind as StoredKind, Resolved, VaultError};

use super::Call;
use super::arguments::Arguments;
use crate::component::Connector;
use crate::description::{AccountField, Credential, CredentialKind, Description, Tool};
use crate::error::CallError;
use crate::gate::{BoundCredential, Gate, GatedOrigin, Lease};
use crate::host::{Host, Parts};
use crate::instance::ProgressSink;
use crate::upstream::Reach;

/// Why a guest is run.
pub(crate) enum Purpose {
    /// To do one tool's work.
    Tool(Call),
    /// To learn whose credential a connection holds.
    Identify { connector: String, connection: String },
}

/// What the guest is to do, decided.
pub(crate) enum Work {
    /// Run the tool with these arguments (JSON text).
    Tool { tool: Arc<Tool>, arguments: String, progress: Option<Arc<dyn ProgressSink>> },
    /// Run `identify`.
    Identify,
}

/// A call that may be made: the tool is visible, its arguments are valid, exactly one connection is resolved,
/// and its scopes suffice. Made by [`Host::authorize`] alone.
#[must_use = "an authorized call that is not begun leaves no record"]
pub struct ScopedCall {
    pub(super) host: Host,
    pub(super) principal: Principal,
    pub(super) connector: Arc<Connector>,
    pub(super) connection: Option<Connection>,
    pub(super) work: Work,
    pub(super) gate: Arc<Gate>,
    pub(super) trace: Option<String>,
    pub(super) argument_names: Vec<String>,
    /// The rule that allowed it.
    pub(super) rule: String,
}

impl Host {
    /// Decides whether `principal` may make this call. Nothing is recorded or run yet.
    ///
    /// # Errors
    /// [`CallError`]: too many calls of this principal, an unknown or hidden tool, arguments that break the schema, no usable connection, a
    /// failing vault, missing scopes.
    pub fn authorize(&self, principal: &Principal, call: Call) -> Result<ScopedCall, CallError> {
        self.authorize_purpose(principal, Purpose::Tool(call))
    }

    pub(super) fn authorize_purpose(&self, principal: &Principal, purpose: Purpose) -> Result<ScopedCall, CallError> {
        let parts = &self.parts;
        // Before any work is done for it.
        parts.places.count(principal)?;
        let asked = match purpose {
            Purpose::Tool(call) => visible_tool(parts, principal, call)?,
            Purpose::Identify { connector, connection } => identification(parts, &connector, connection)?,
        };
        let description = &asked.connector.description;
        let resolved = match resolve(parts, principal, description, &asked.connection_name) {
            Ok(resolved) => Some(resolved),
            // Nothing is sent, so nothing is needed to send it with.
            Err(CallError::NoConnection { .. }) if asked.routes().is_empty() => None,
            Err(refused) => return Err(refused),
        };
        if let Some(resolved) = &resolved {
            check_scopes(asked.scopes(), resolved.connection.granted_scopes.as_deref())
                .map_err(|denial| CallError::ScopeMissing { missing: denial.missing })?;
        }
        let gate = gate(parts, &asked, resolved.as_ref())?;
        let rule = match &asked.work {
            Work::Tool { tool, .. } => {
                format!("tool {} ({}) visible, arguments valid, scopes held", tool.name, tool.access)
            }
            Work::Identify => "identification of a connection by its owner".to_owned(),
        };
        Ok(ScopedCall {
            host: self.clone(),
            principal: principal.clone(),
            connector: asked.connector,
            connection: resolved.map(|resolved| resolved.connection),
            work: asked.work,
            gate: Arc::new(gate),
            trace: asked.trace,
            argument_names: asked.argument_names,
            rule,
        })
    }
}

/// What was asked for, found and checked, but not yet connected.
struct Asked {
    connector: Arc<Connector>,
    connection_name: String,
    work: Work,
    trace: Option<String>,
    argument_names: Vec<String>,
}

impl Asked {
    fn scopes(&self) -> &[String] {
        match &self.work {
            Work::Tool { tool, .. } => &tool.scopes,
            Work::Identify => &self.connector.description.identification.scopes,
        }
    }

    fn routes(&self) -> Arc<[Route]> {
        match &self.work {
            Work::Tool { tool, .. } => Arc::clone(&tool.routes),
            Work::Identify => self.connector.description.identification.routes.as_slice().into(),
        }
    }

    fn name(&self) -> &str {
        self.work.name()
    }
}

impl Work {
    /// What the audit log calls it.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Tool { tool, .. } => &tool.name,
            Self::Identify => "identify",
        }
    }

    pub(super) fn access(&self) -> Access {
        match self {
            Self::Tool { tool, .. } => tool.access,
            Self::Identify => Access::Read,
        }
    }
}

fn visible_tool(parts: &Parts, principal: &Principal, call: Call) -> Result<Asked, CallError> {
    let unknown = || CallError::UnknownTool(call.tool.chars().take(64).collect());
    // A hidden tool is looked up no further than an unknown one: from outside they are the same.
    if !principal.tools.allows(&call.tool) {
        return Err(unknown());
    }
    let loaded = parts.loaded();
    let found = loaded.values().find_map(|connector| {
        let tool = connector.description.tools.iter().find(|tool| tool.name == call.tool)?;
        Some((Arc::clone(connector), Arc::clone(tool)))
    });
    let (connector, tool) = found.ok_or_else(unknown)?;
    let arguments = Arguments::fit(&tool.name, &tool.input, call.arguments, parts.limits.arguments_bytes)?;
    Ok(Asked {
        connector,
        connection_name: call.connection,
        work: Work::Tool { tool, arguments: arguments.text, progress: call.progress },
        trace: call.trace.map(|trace| crate::text::clean_line(&trace, 128)),
        argument_names: arguments.names,
    })
}

fn identification(parts: &Parts, connector: &str, connection_name: String) -> Result<Asked, CallError> {
    let connector = parts
        .loaded()
        .get(connector)
        .cloned()
        .ok_or_else(|| CallError::UnknownConnector(connector.chars().take(64).collect()))?;
    Ok(Asked { connector, connection_name, work: Work::Identify, trace: None, argument_names: Vec::new() })
}

/// Exactly one connection: the principal's own, of this connector, by this name. There is no other to fall
/// back to.
fn resolve(parts: &Parts, principal: &Principal, description: &Description, name: &str) -> Result<Resolved, CallError> {
    let key = ConnectionKey {
        tenant: principal.tenant.clone(),
        user: principal.user.clone(),
        connector: description.name.clone(),
        name: name.to_owned(),
    };
    parts.vault.resolve(&key).map_err(|source| {
        if is_about_the_connection(&source) {
            CallError::NoConnection {
                connector: description.name.clone(),
                connection: crate::text::clean_line(name, 128),
                tenant: principal.tenant.to_string(),
                user: principal.user.to_string(),
                source,
            }
        } else {
            CallError::Vault(source)
        }
    })
}

/// Whether the vault works and the connection is what is missing.
fn is_about_the_connection(error: &VaultError) -> bool {
    matches!(
        error.code(),
        "vault_no_connection"
            | "vault_connection_pending"
            | "vault_connection_expired"
            | "vault_connection_disconnected"
            | "vault_invalid"
    )
}

fn gate(parts: &Parts, asked: &Asked, resolved: Option<&Resolved>) -> Result<Gate, CallError> {
    let description = &asked.connector.description;
    let credential = resolved.map(|resolved| bind(description, resolved)).transpose()?;
    let connection = resolved.map(|resolved| &resolved.connection);
    let mut origins = BTreeMap::new();
    let mut gated = Vec::new();
    for origin in &description.origins {
        // A connection selects the base of the origin that its credential is bound to, and of no other.
        let bound = credential.as_ref().is_some_and(|credential| credential.origin == origin.name);
        let chosen = connection.and_then(|connection| connection.base.as_deref()).filter(|_| bound);
        let (real, reach) = match chosen {
            None => (origin.base.clone(), Reach::Public),
            Some(text) => real_base(parts, origin, text)?,
        };
        let (id, version) = connection.map_or(("", 0), |connection| (connection.id.as_str(), connection.version));
        let account = connection.and_then(|connection| connection.account.as_ref());
        gated.push(GatedOrigin {
            declared: Arc::clone(origin),
            account_headers: account_headers(origin, account)?,
            upstream: parts.upstreams.of(id, version, reach),
        });
        origins.insert(origin.name.clone(), OriginMapping { declared: origin.base.clone(), real });
    }
    let policy = EgressPolicy::new(origins, asked.routes());
    let lease =
        connection.map(|connection| Lease::new(Arc::clone(&parts.vault), connection.key.clone(), connection.version));
    let gate = Gate::new(asked.name(), policy, gated, credential, parts.limits.clone(), parts.observer.clone());
    Ok(gate.leased(lease))
}

/// The real base that a connection selected: one that the connector declares, or one that the operator named.
fn real_base(parts: &Parts, origin: &crate::description::Origin, text: &str) -> Result<(Base, Reach), CallError> {
    let mismatch = |reason: &str| CallError::ConnectionMismatch(format!("its base {text:?} {reason}"));
    let base = Base::parse_operator(text).map_err(|error| mismatch(&error.to_string()))?;
    if parts.operator_bases.contains(&base) {
        return Ok((base, Reach::Operator));
    }
    if base == origin.base || origin.alternatives.contains(&base) {
        return Ok((base, Reach::Public));
    }
    Err(mismatch("is neither declared by the connector nor named by the operator"))
}

/// The credential with the header it goes into.
fn bind(description: &Description, resolved: &Resolved) -> Result<BoundCredential, CallError> {
    let fits = |credential: &&Credential| {
        matches!(
            (&credential.kind, resolved.connection.kind),
            (CredentialKind::OAuth2 { .. }, StoredKind::OAuth2) | (CredentialKind::ApiKey { .. }, StoredKind::ApiKey)
        )
    };
    let declared = description.credentials.iter().find(fits).ok_or_else(|| {
        CallError::ConnectionMismatch("the connector does not take this kind of credential".to_owned())
    })?;
    let unusable =
        || CallError::ConnectionMismatch("the credential is too short, or no header can carry it".to_owned());
    let slot = resolved.connection.id.to_string();
    BoundCredential::new(&declared.origin, &declared.header, &declared.prefix, &resolved.secret, slot)
        .ok_or_else(unusable)
}

fn account_headers(
    origin: &crate::description::Origin,
    account: Option<&Account>,
) -> Result<Vec<(HeaderName, HeaderValue)>, CallError> {
    let Some(account) = account else { return Ok(Vec::new()) };
    let mut headers = Vec::new();
    for declared in &origin.account_headers {
        let value = match declared.field {
            AccountField::Id => Some(&account.id),
            AccountField::Name => Some(&account.name),
            AccountField::Email => account.email.as_ref(),
        };
        let Some(value) = value else { continue };
        let malformed = || {
            CallError::ConnectionMismatch(format!("the account's value for the header {} is malformed", declared.name))
        };
        headers.push((
            HeaderName::from_bytes(declared.name.as_bytes()).map_err(|_| malformed())?,
            HeaderValue::from_str(value).map_err(|_| malformed())?,
        ));
    }
    Ok(headers)
}
