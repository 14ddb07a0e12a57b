//! The path of a call, top to bottom. Each step consumes the proof of the step before it:
//!
//! | step | makes | proves |
//! | --- | --- | --- |
//! | [`Host::authorize`] | [`ScopedCall`] | the tool is visible, the arguments are valid, one connection is resolved, its scopes suffice |
//! | [`ScopedCall::begin`] | [`AuditedCall`] | the intent is durable |
//! | [`AuditedCall::run`] | [`FinishedCall`] | the guest ran, once, in a fresh instance behind the gate |
//! | [`FinishedCall::finish`] | [`Answer`] | the outcome is durable |
//!
//! The proofs have private fields and one maker each, so a call that skips the audit log does not compile.
//! The right order does:
//!
//! ```
//! # use toolkeep_host::{Answer, Call, CallError, Host, Principal, call::CancellationToken};
//! async fn step_by_step(host: Host, kim: Principal, call: Call) -> Result<Answer, CallError> {
//!     let scoped = host.authorize(&kim, call)?;
//!     let audited = scoped.begin().await?;
//!     let finished = audited.run(CancellationToken::new()).await;
//!     finished.finish().await
//! }
//! ```
//!
//! Running what was not recorded does not (E0599: a [`ScopedCall`] has no `run`):
//!
//! ```compile_fail,E0599
//! # use toolkeep_host::{Answer, Call, CallError, Host, Principal, call::CancellationToken};
//! async fn without_intent(host: Host, kim: Principal, call: Call) -> Result<Answer, CallError> {
//!     let scoped = host.authorize(&kim, call)?;
//!     let finished = scoped.run(CancellationToken::new()).await;
//!     finished.finish().await
//! }
//! ```
//!
//! Nor does answering before the outcome is durable (E0616: the result is private):
//!
//! ```compile_fail,E0616
//! # use toolkeep_host::{Answer, Call, CallError, Host, Principal, call::CancellationToken};
//! async fn without_outcome(host: Host, kim: Principal, call: Call) -> Result<Answer, CallError> {
//!     let scoped = host.authorize(&kim, call)?;
//!     let audited = scoped.begin().await?;
//!     let finished = audited.run(CancellationToken::new()).await;
//!     finished.result
//! }
//! ```
//!
//! Nor does making the proof by hand (E0451: its fields are private):
//!
//! ```compile_fail,E0451
//! # use toolkeep_host::call::{AuditedCall, ScopedCall};
//! # use toolkeep_audit::Open;
//! fn forged(scoped: ScopedCall, open: Open) -> AuditedCall {
//!     AuditedCall { scoped, open }
//! }
//! ```
//!
//! Nor does using one intent for two calls (E0382: it is consumed):
//!
//! ```compile_fail,E0382
//! # use toolkeep_host::{Call, CallError, Host, Principal, call::CancellationToken};
//! async fn twice(host: Host, kim: Principal, call: Call) -> Result<(), CallError> {
//!     let audited = host.authorize(&kim, call)?.begin().await?;
//!     let _first = audited.run(CancellationToken::new()).await;
//!     let _second = audited.run(CancellationToken::new()).await;
//!     Ok(())
//! }
//! ```

mod answer;
pub(crate) mod arguments;
mod attended;
mod authorize;
mod run;

use std::sync::Arc;

use serde_json::{Map, Value};
pub use tokio_util::sync::CancellationToken;
use toolkeep_audit::Refusal;
use toolkeep_policy::Principal;
use toolkeep_vault::{Account, DEFAULT_NAME};

pub use answer::{Answer, Content};
pub(crate) use attended::Begun;
pub use authorize::ScopedCall;
pub use run::{AuditedCall, FinishedCall};

use crate::error::CallError;
use crate::host::Host;
use crate::instance::ProgressSink;
use authorize::Purpose;

/// What a caller asks for.
#[derive(Clone)]
#[non_exhaustive]
pub struct Call {
    /// The tool's name.
    pub tool: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// Which of the user's connections to the tool's connector.
    pub connection: String,
    /// The caller's trace (W3C `traceparent`), for the audit log.
    pub trace: Option<String>,
    /// Where progress goes.
    pub progress: Option<Arc<dyn ProgressSink>>,
}

impl Call {
    /// A call over the user's default connection. `arguments` is an object, or null for none.
    ///
    /// # Errors
    /// [`CallError::InvalidArguments`] where `arguments` is neither.
    pub fn new(tool: impl Into<String>, arguments: Value) -> Result<Self, CallError> {
        let tool = tool.into();
        let arguments = match arguments {
            Value::Object(arguments) => arguments,
            Value::Null => Map::new(),
            _ => {
                let message = "the arguments are not a JSON object".to_owned();
                return Err(CallError::InvalidArguments {
                    tool,
                    violations: vec![crate::Violation { path: String::new(), message }],
                });
            }
        };
        Ok(Self { tool, arguments, connection: DEFAULT_NAME.to_owned(), trace: None, progress: None })
    }
}

impl Host {
    /// Calls one tool for one user.
    ///
    /// The outcome is recorded whatever happens: if the caller drops this future, the guest is stopped and the
    /// record says so and how far it came. Once the intent is recorded, a caller that does not poll it delays it by
    /// some 20 ms and no longer: then it goes on in a task of its own. It must be polled within a tokio runtime, and
    /// goes on for as long as that is driven.
    ///
    /// # Errors
    /// [`CallError`]. A refusal at any step is recorded too; if that fails, the audit error is what is returned. Of
    /// calls that are too many in a minute, one is recorded, and the next record says how many were not.
    pub async fn call(&self, principal: &Principal, call: Call) -> Result<Answer, CallError> {
        let asked_for = crate::text::clean_line(&call.tool, 64);
        let scoped = match self.authorize(principal, call) {
            Ok(scoped) => scoped,
            Err(refused) => return Err(self.refuse(principal, asked_for, refused).await),
        };
        self.to_its_end(scoped.begin().await?, FinishedCall::finish).await
    }

    /// Runs a connector's `identify` over one connection: proves that the credential works and says whose it
    /// is. The caller stores the account with [`toolkeep_vault::Vault::set_account`].
    ///
    /// # Errors
    /// As [`Host::call`].
    pub async fn identify(
        &self,
        principal: &Principal,
        connector: &str,
        connection: &str,
    ) -> Result<Account, CallError> {
        let purpose = Purpose::Identify { connector: connector.to_owned(), connection: connection.to_owned() };
        let scoped = match self.authorize_purpose(principal, purpose) {
            Ok(scoped) => scoped,
            Err(refused) => return Err(self.refuse(principal, "identify".to_owned(), refused).await),
        };
        self.to_its_end(scoped.begin().await?, FinishedCall::finish_identification).await
    }

    /// Records a call that never began. The record comes before the answer, as for every other outcome.
    async fn refuse(&self, principal: &Principal, tool: String, refused: CallError) -> CallError {
        let mut rule = crate::text::clean_line(&refused.to_string(), 500);
        if matches!(refused, CallError::RateLimited { .. }) {
            match self.parts.places.is_recorded(principal) {
                None => return refused,
                Some(0) => {}
                Some(left_out) => {
                    rule = format!("{rule}; {left_out} refusals before this one were not recorded");
                }
            }
        }
        let connector = match &refused {
            CallError::NoConnection { connector, .. } => Some(connector.clone()),
            _ => None,
        };
        let refusal = Refusal {
            principal: Some(principal.into()),
            connector,
            tool: Some(tool),
            code: refused.code().to_owned(),
            rule: Some(rule),
            ..Refusal::default()
        };
        match self.audit().refuse(refusal).await {
            Ok(_receipt) => refused,
            Err(error) => CallError::Audit(error),
        }
    }

    /// Runs and finishes a call. A caller that goes away stops the guest, and cannot take the record with it; one that
    /// does not poll stops neither.
    async fn to_its_end<T, F>(
        &self,
        audited: AuditedCall,
        finish: impl FnOnce(FinishedCall) -> F + Send + 'static,
    ) -> Result<T, CallError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, CallError>> + Send,
    {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let mut running = self.parts.begun.attend(async move { finish(audited.run(stopped).await).await });
        // Dropped before the call is: so that the call is stopped when it goes on by itself.
        let stop_if_dropped = stop.drop_guard();
        let answer = (&mut running).await.unwrap_or_else(|error| {
            Err(CallError::Trap { tool: String::new(), reason: format!("the host failed: {error}") })
        });
        stop_if_dropped.disarm();
        answer
    }
}
