//! The second half of the path: record the intent, run the guest once, record the outcome.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use toolkeep_audit::{CallId, Intent, Open, Outcome, OutcomeStatus};
use toolkeep_vault::Account;
use wasmtime::Store;
use wasmtime::component::Instance;

use super::answer::{self, Answer};
use super::authorize::{ScopedCall, Work};
use crate::bindings::toolkeep::connector::types as wit;
use crate::error::CallError;
use crate::gate::{Breach, Gate};
use crate::instance::{Failure, Guest, State, Surroundings};
use crate::telling;

/// Most argument names that a record keeps; no declared schema of a usable tool has more.
const MAX_ARGUMENT_NAMES: usize = 64;
/// Longest argument name that a record keeps, in bytes: a word or three.
const MAX_NAME_BYTES: usize = 128;

/// A call whose intent is durable. Made by [`ScopedCall::begin`] alone; the only thing that can be run.
#[must_use = "an intent without an outcome is recorded as abandoned"]
pub struct AuditedCall {
    scoped: ScopedCall,
    open: Open,
}

/// A call that ran, or failed to. Made by [`AuditedCall::run`] alone.
#[must_use = "an answer is given only once its outcome is durable"]
pub struct FinishedCall {
    scoped_host: crate::host::Host,
    open: Open,
    call: CallId,
    outcome: Outcome,
    result: Result<Produced, CallError>,
    duration: Duration,
}

/// What a guest produced, checked.
enum Produced {
    Answer(answer::Body),
    Account(Account),
}

impl ScopedCall {
    /// Records the intent and waits until it is durable.
    ///
    /// # Errors
    /// [`CallError::Audit`]: no record, no call.
    pub async fn begin(self) -> Result<AuditedCall, CallError> {
        let audit = self.host.audit();
        let arguments = match &self.work {
            Work::Tool { arguments, .. } => arguments.as_str(),
            Work::Identify => "",
        };
        let mut clear_arguments = serde_json::Map::new();
        // Not the values: nobody has said which of them may be read. The names are bounded like everything else.
        let names = self
            .argument_names
            .iter()
            .take(MAX_ARGUMENT_NAMES)
            .map(|name| crate::text::clean_line(name, MAX_NAME_BYTES));
        clear_arguments.insert("names".to_owned(), names.collect());
        let intent = Intent {
            call: CallId::new(),
            principal: (&self.principal).into(),
            connector: self.connector.description.name.clone(),
            connector_version: self.connector.description.version.clone(),
            connector_digest: self.connector.digest.clone(),
            tool: self.work.name().to_owned(),
            access: self.work.access().as_str().to_owned(),
            rule: self.rule.clone(),
            connection: self.connection.as_ref().map(|connection| connection.id.to_string()),
            connection_version: self.connection.as_ref().map(|connection| connection.version),
            arguments_digest: audit.digest(arguments.as_bytes()),
            clear_arguments,
            trace: self.trace.clone(),
        };
        let open = audit.begin(intent).await?;
        Ok(AuditedCall { scoped: self, open })
    }
}

impl AuditedCall {
    /// Runs the guest in a fresh instance, behind this call's gate, until it answers, breaks a limit, or
    /// `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) -> FinishedCall {
        let Self { scoped, open } = self;
        let ScopedCall { host, principal, connector, connection, work, gate, .. } = scoped;
        let begun = Instant::now();
        let (name, progress) = match &work {
            Work::Tool { tool, progress, .. } => (tool.name.clone(), progress.clone()),
            Work::Identify => ("identify".to_owned(), None),
        };
        // During `identify` there is no account yet that could be told.
        let account = match &work {
            Work::Tool { .. } => connection.and_then(|connection| connection.account),
            Work::Identify => None,
        };
        let (reports, reported) = telling::reports(progress);
        let surroundings = Surroundings { tool: name.clone(), account, reports };
        let guest_work = async {
            let _place = host.parts.places.take(&principal).await?;
            let limits = &host.parts.limits;
            let guest = Guest::new(&host.parts.loader.engine, limits, Arc::clone(&gate), surroundings)
                .shown_to(host.parts.memory_observer.clone());
            let ran = guest
                .run(&connector.pre, limits, async |store: &mut Store<State>, instance: &Instance| {
                    let exports = &connector.exports;
                    Ok(match &work {
                        Work::Tool { tool, arguments, .. } => {
                            Said::Output(exports.call(store, instance, &tool.name, arguments).await?)
                        }
                        Work::Identify => Said::Account(exports.identify(store, instance).await?),
                    })
                })
                .await;
            match ran {
                Ok(said) => check(said, &work, &gate, limits.result_bytes),
                Err(Failure::Limit { code, limit }) => Err(CallError::LimitReached { tool: name.clone(), limit, code }),
                Err(Failure::Trap(reason)) => Err(CallError::Trap { tool: name.clone(), reason }),
            }
        };
        let result = tokio::select! {
            biased;
            () = stop.cancelled() => Err(CallError::Cancelled),
            // The reports end when the guest is gone.
            (result, ()) = async { tokio::join!(caught(guest_work, &name), telling::pass_on(&gate, reported)) } => result,
        };
        let (requests, requests_left_out, breach) = gate.close();
        // A breach decides, whatever the guest made of it: an answer after one cannot be trusted.
        let result = match breach {
            Some(Breach::Denied { code, rule }) => Err(CallError::EgressDenied { tool: name, code, rule }),
            Some(Breach::Connection { code, rule }) => Err(CallError::ConnectionEnded { tool: name, code, rule }),
            Some(Breach::Address { rule }) => Err(CallError::AddressRefused { tool: name, rule }),
            Some(Breach::Reflected { form }) => Err(CallError::CredentialReflected { tool: name, form }),
            Some(Breach::Limit { code, limit }) => Err(CallError::LimitReached { tool: name, limit, code }),
            None => result,
        };
        let duration = begun.elapsed();
        let digest_and_size = match &result {
            Ok(Produced::Answer(body)) => (Some(host.audit().digest(body.digestible().as_bytes())), body.bytes()),
            _ => (None, 0),
        };
        let outcome = Outcome {
            status: status(result.as_ref().err()),
            code: result.as_ref().err().map(|error| error.code().to_owned()),
            requests,
            requests_left_out,
            result_digest: digest_and_size.0,
            result_bytes: digest_and_size.1 as u64,
            duration_us: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            ..Outcome::default()
        };
        if let Err(error) = &result {
            tracing::warn!(call = %open.call(), code = error.code(), "{error}");
        }
        FinishedCall { scoped_host: host, call: open.call(), open, outcome, result, duration }
    }
}

impl FinishedCall {
    /// Records the outcome, waits until it is durable, and only then gives the answer.
    ///
    /// # Errors
    /// The call's own error; [`CallError::Audit`] where the outcome could not be recorded: the answer is
    /// withheld then.
    pub async fn finish(self) -> Result<Answer, CallError> {
        let (call, duration) = (self.call, self.duration);
        match self.record().await? {
            Produced::Answer(body) => Ok(body.into_answer(call, duration)),
            Produced::Account(_) => Err(CallError::AnswerInvalid {
                tool: "identify".to_owned(),
                reason: "an account is not an answer".to_owned(),
            }),
        }
    }

    pub(super) async fn finish_identification(self) -> Result<Account, CallError> {
        match self.record().await? {
            Produced::Account(account) => Ok(account),
            Produced::Answer(_) => Err(CallError::AnswerInvalid {
                tool: "identify".to_owned(),
                reason: "an answer is not an account".to_owned(),
            }),
        }
    }

    async fn record(self) -> Result<Produced, CallError> {
        let _receipt = self.scoped_host.audit().finish(self.open, self.outcome).await?;
        self.result
    }
}

/// A part of the host that panics fails the call, and what the call has done until then is on record all the same.
async fn caught<T>(work: impl Future<Output = Result<T, CallError>>, tool: &str) -> Result<T, CallError> {
    let mut work = pin!(work);
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))).unwrap_or_else(|_| {
            let reason = "the host failed while it ran".to_owned();
            Poll::Ready(Err(CallError::Trap { tool: tool.to_owned(), reason }))
        })
    })
    .await
}

enum Said {
    Output(Result<wit::Output, wit::ToolError>),
    Account(Result<wit::Account, wit::ToolError>),
}

fn check(said: Said, work: &Work, gate: &Gate, limit: usize) -> Result<Produced, CallError> {
    let reflected = |form| CallError::CredentialReflected { tool: work.name().to_owned(), form };
    match (said, work) {
        (Said::Output(Ok(output)), Work::Tool { tool, .. }) => {
            // Before anything of it is cut, quoted or translated.
            match answer::raw_parts(&output).into_iter().find_map(|part| gate.secret_form(part)) {
                Some(form) => Err(reflected(form)),
                None => answer::Body::check(output, tool, limit).map(Produced::Answer),
            }
        }
        (Said::Account(Ok(account)), _) => answer::check_account(account, gate).map(Produced::Account),
        (Said::Output(Err(error)) | Said::Account(Err(error)), _) => {
            let text = answer::tool_error_text(&error);
            match gate.secret_form(text.as_bytes()) {
                Some(form) => Err(reflected(form)),
                None => Err(CallError::Tool { tool: work.name().to_owned(), error: answer::check_tool_error(error) }),
            }
        }
        (Said::Output(Ok(_)), Work::Identify) => {
            Err(CallError::AnswerInvalid { tool: work.name().to_owned(), reason: "identify gave an output".to_owned() })
        }
    }
}

fn status(error: Option<&CallError>) -> OutcomeStatus {
    match error {
        None => OutcomeStatus::Succeeded,
        Some(CallError::Tool { .. }) => OutcomeStatus::ToolError,
        Some(
            CallError::EgressDenied { .. }
            | CallError::ConnectionEnded { .. }
            | CallError::AddressRefused { .. }
            | CallError::CredentialReflected { .. },
        ) => OutcomeStatus::Refused,
        Some(_) => OutcomeStatus::Failed,
    }
}
