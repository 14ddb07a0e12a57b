//! Taking a component into a host: approved first, then compiled, described and checked, then recorded. What was
//! not recorded is not loaded, and what was refused is recorded too.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use serde_json::{Map, Value};
use toolkeep_audit::{Event, EventKind, Refusal};

use crate::approval::{Approval, ApprovalError};
use crate::collisions::{self, Names};
use crate::component::{Connector, digest_of, read};
use crate::error::HostError;
use crate::host::{Connectors, Host};
use crate::text::clean_line;

impl Host {
    /// Loads a component that is approved (see [`crate::HostBuilder::approvals`]): checks its bounds, compiles it
    /// (or takes it from the cache), checks imports and exports, runs its `describe`, checks what it said, compares
    /// that with what was approved, and records the load. Of what is not approved, nothing is compiled or run.
    /// Loading the same bytes again is no error.
    ///
    /// # Errors
    /// [`HostError`] says what was wrong with the component. Nothing is loaded then, and the refusal is recorded.
    pub async fn load(&self, wasm: &[u8]) -> Result<Arc<Connector>, HostError> {
        let digest = digest_of(wasm);
        let approved = match self.parts.approvals.find(&digest) {
            Ok(Some(approval)) => self.take_in(wasm, Some(&approval)).await,
            Ok(None) => Err(ApprovalError::NotApproved { digest: digest.clone() }.into()),
            Err(error) => Err(error.into()),
        };
        self.told_if_refused(&digest, approved).await
    }

    /// Loads a component that the embedder vouches for, without asking for an approval: for bytes that are compiled
    /// into its own program. The record of the load says so.
    ///
    /// # Errors
    /// As [`Host::load`].
    pub async fn load_trusted(&self, wasm: &[u8]) -> Result<Arc<Connector>, HostError> {
        let loaded = self.take_in(wasm, None).await;
        self.told_if_refused(&digest_of(wasm), loaded).await
    }

    /// Loads a component from a file.
    ///
    /// # Errors
    /// As [`Host::load`], and [`HostError::Unreadable`].
    pub async fn load_file(&self, path: &Path) -> Result<Arc<Connector>, HostError> {
        let wasm = read(path.to_owned(), &self.parts.limits).await?;
        self.load(&wasm).await
    }

    /// Checks a component and reads its surface without loading it, approved or not: it is compiled, and its
    /// `describe` runs with every import trapping.
    ///
    /// # Errors
    /// As [`Host::load`].
    pub async fn inspect(&self, wasm: &[u8]) -> Result<Connector, HostError> {
        self.parts.loader.load(wasm).await
    }

    async fn take_in(&self, wasm: &[u8], approval: Option<&Approval>) -> Result<Arc<Connector>, HostError> {
        let connector = Arc::new(self.parts.loader.load(wasm).await?);
        if let Some(approval) = approval {
            approval.check(&connector.sheet())?;
        }
        let name = connector.description.name.clone();
        // One load at a time from here on: what was checked is still true when the connector is put in.
        let _alone = self.parts.loading.lock().await;
        let mut connectors = Connectors::clone(&self.parts.loaded());
        if let Some(loaded) = connectors.get(&name) {
            if loaded.digest == connector.digest {
                return Ok(Arc::clone(loaded));
            }
            let (loaded, digest) = (loaded.digest.clone(), connector.digest.clone());
            return Err(HostError::NameTaken { name, loaded, digest });
        }
        collisions::check(&Names::of(&connector), connectors.values().map(|other| Names::of(other)))?;
        let event = Event {
            kind: EventKind::ConnectorLoaded,
            principal: None,
            subject: name.clone(),
            details: details(&connector, approval),
        };
        self.parts.audit.record(event).await?;
        connectors.insert(name, Arc::clone(&connector));
        *self.parts.connectors.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(connectors);
        Ok(connector)
    }

    /// Records a refusal before the caller hears of it. A log that fails is the graver error.
    async fn told_if_refused(
        &self,
        digest: &str,
        loaded: Result<Arc<Connector>, HostError>,
    ) -> Result<Arc<Connector>, HostError> {
        let refused = match loaded {
            Err(HostError::Audit(error)) => return Err(HostError::Audit(error)),
            Err(refused) => refused,
            loaded => return loaded,
        };
        let refusal = Refusal {
            connector: Some(format!("sha256:{digest}")),
            code: refused.code().to_owned(),
            rule: Some(clean_line(&refused.to_string(), 500)),
            ..Refusal::default()
        };
        let _receipt = self.parts.audit.refuse(refusal).await?;
        Err(refused)
    }
}

/// What the record of a load says: which version of the approvals allowed it, so that an old one shows.
fn details(connector: &Connector, approval: Option<&Approval>) -> Map<String, Value> {
    let approved_by = match approval {
        None => "the embedder",
        Some(approval) if approval.revision().is_some() => "installed",
        Some(_) => "digest",
    };
    let mut details = Map::from_iter([
        ("version".to_owned(), connector.description.version.clone().into()),
        ("digest".to_owned(), connector.digest.clone().into()),
        ("approved_by".to_owned(), approved_by.into()),
    ]);
    if let Some(revision) = approval.and_then(Approval::revision) {
        details.insert("revision".to_owned(), revision.into());
    }
    details
}
