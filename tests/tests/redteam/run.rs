//! Runs cases, some at a time, and looks for each one's canary when it is over.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::sync::Semaphore;
use toolkeep_vault::CredentialKind;

use crate::arena::Arena;
use crate::case::{Case, Verdict};

/// Longest that a case may take, in seconds: what hangs is broken. Cases have shorter limits of their own.
const CASE_LIMIT_S: u64 = 120;

/// Runs the cases, `at_once` at a time, and tells each verdict in the cases' order, as soon as it is known.
pub(crate) async fn all(
    cases: &[&'static Case],
    at_once: usize,
    mut tell: impl FnMut(&Verdict) -> Result<()>,
) -> Result<Vec<Verdict>> {
    let places = Arc::new(Semaphore::new(at_once));
    let running: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(number, case)| {
            let (case, places) = (*case, Arc::clone(&places));
            // Both shapes of token take turns.
            let kind = if number % 2 == 0 { CredentialKind::OAuth2 } else { CredentialKind::ApiKey };
            tokio::spawn(async move {
                let _place = places.acquire().await;
                one(case, kind).await
            })
        })
        .collect();
    let mut verdicts = Vec::with_capacity(running.len());
    for verdict in running {
        let verdict = verdict.await?;
        tell(&verdict)?;
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

async fn one(case: &'static Case, kind: CredentialKind) -> Verdict {
    let begun = Instant::now();
    let mut verdict = Verdict {
        id: case.id,
        category: case.category,
        guest: case.guest,
        attack: case.attack,
        defence: case.defence,
        enforced_by: case.enforced_by,
        held: false,
        reason: None,
        leaks: Vec::new(),
        searched_bytes: 0,
        memories: 0,
        took: Duration::ZERO,
    };
    if let Err(error) = judge(case, kind, &mut verdict).await {
        verdict.reason = Some(format!("{error:#}"));
    }
    verdict.held = verdict.reason.is_none() && verdict.leaks.is_empty();
    verdict.took = begun.elapsed();
    verdict
}

async fn judge(case: &'static Case, kind: CredentialKind, verdict: &mut Verdict) -> Result<()> {
    let arena = Arena::new(case, kind)?;
    let run = tokio::spawn((case.run)(Arc::clone(&arena)));
    let outcome = match tokio::time::timeout(Duration::from_secs(CASE_LIMIT_S), run).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panicked)) => Err(anyhow::anyhow!("the case failed: {panicked}")),
        Err(_) => Err(anyhow::anyhow!("it did not end within {CASE_LIMIT_S} s")),
    };
    let (leaks, bytes, seen) = arena.search().await.context("the search for the canary failed")?;
    (verdict.leaks, verdict.searched_bytes, verdict.memories) = (leaks, bytes, seen.memories);
    outcome?;
    ensure!(bytes > 0, "nothing was looked through");
    // A test of the tests: what enforces a defence is a file that is there.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    ensure!(root.join(case.enforced_by).is_file(), "{} is no file", case.enforced_by);
    Ok(())
}
