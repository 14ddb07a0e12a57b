//! What a fresh instance costs, with a tool that does nothing: by itself, and through all typed steps of a call,
//! between which the processor's caches are filled with other things.

use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use toolkeep_audit::AuditLog;
use toolkeep_host::measure::instantiate_and_call;
use toolkeep_host::{Call, Host};
use toolkeep_vault::{ConnectionKey, CredentialKind, KeySource, NewConnection, Vault};
use zeroize::Zeroizing;

use crate::Amounts;
use crate::figures::{Figure, Target};
use crate::library::{limits, principal};
use crate::stage::Stage;
use crate::statistics::Times;

const TOOL: &str = "fixture_nothing";

/// Measures each step of a call that does nothing.
pub(crate) async fn measure(stage: &Stage, amounts: &Amounts) -> anyhow::Result<Vec<Figure>> {
    let directory = stage.directory().join("trivial");
    let vault = Arc::new(Vault::open(&directory, KeySource::Bytes(Zeroizing::new([7; 32])))?);
    let audit = AuditLog::in_memory(vault.derive_key("audit digests"))?;
    let host = Host::builder(Arc::clone(&vault), audit).limits(limits()?).build()?;
    host.load_trusted(&stage.guest("fixture")?).await?;
    let principal = principal()?;
    vault.connect(NewConnection {
        key: ConnectionKey::new(principal.tenant.clone(), principal.user.clone(), "fixture"),
        secret: SecretString::from("a-key-that-goes-nowhere"),
        kind: CredentialKind::ApiKey,
        granted_scopes: None,
        base: None,
        account: None,
    })?;
    let repeats = amounts.repeats;
    let (steps, alone) = tokio::spawn(async move {
        let mut steps: [Vec<Duration>; 5] = Default::default();
        for round in 0..repeats + repeats / 5 {
            let begun = Instant::now();
            let scoped = host.authorize(&principal, Call::new(TOOL, json!({}))?)?;
            let authorized = Instant::now();
            let audited = scoped.begin().await?;
            let recorded = Instant::now();
            let finished = audited.run(CancellationToken::new()).await;
            let ran = Instant::now();
            finished.finish().await?;
            let ended = Instant::now();
            // The first fifth warms slots and caches up.
            if round >= repeats / 5 {
                let took = [authorized - begun, recorded - authorized, ran - recorded, ended - ran, ended - begun];
                steps.iter_mut().zip(took).for_each(|(step, took)| step.push(took));
            }
        }
        let mut alone = Vec::new();
        for round in 0..repeats + repeats / 5 {
            let begun = Instant::now();
            instantiate_and_call(&host, TOOL).await.map_err(anyhow::Error::from_boxed)?;
            if round >= repeats / 5 {
                alone.push(begun.elapsed());
            }
        }
        anyhow::Ok((steps, alone))
    })
    .await??;
    let [authorize, begin, run, finish, whole] = steps.map(Times::of);
    Ok(vec![
        Figure::new("instantiate_and_call_us", "instantiate + trivial call (the step `run`)", run.p50_us, "µs")
            .target(Target::Most(20.0)),
        Figure::new(
            "instance_by_itself_us",
            "… the instance and its call by themselves, again and again",
            Times::of(alone).p50_us,
            "µs",
        ),
        Figure::new(
            "trivial_authorize_us",
            "… the step `authorize` before it (schema, vault, scopes)",
            authorize.p50_us,
            "µs",
        ),
        Figure::new("trivial_begin_us", "… the step `begin`, audit in memory", begin.p50_us, "µs"),
        Figure::new("trivial_finish_us", "… the step `finish`, audit in memory", finish.p50_us, "µs"),
        Figure::new("trivial_whole_us", "… all steps", whole.p50_us, "µs"),
    ])
}
