//! Runs cases, some at a time, and looks for each one's canary when it is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::sync::Semaphore;

use crate::arena::Arena;
use crate::case::{Case, Shape, Verdict};

/// Runs the cases, `at_once` at a time and each no longer than `limit` with one credential, and tells each verdict in
/// the cases' order, as soon as it is known.
pub(crate) async fn all(
    cases: &[&'static Case],
    at_once: usize,
    limit: Duration,
    mut tell: impl FnMut(&Verdict) -> Result<()>,
) -> Result<Vec<Verdict>> {
    let places = Arc::new(Semaphore::new(at_once));
    let running: Vec<_> = cases
        .iter()
        .map(|case| {
            let (case, places) = (*case, Arc::clone(&places));
            tokio::spawn(async move {
                let _place = places.acquire().await;
                one(case, limit).await
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

async fn one(case: &'static Case, limit: Duration) -> Verdict {
    let begun = Instant::now();
    let mut verdict = Verdict {
        id: case.id,
        category: case.category,
        guest: case.guest,
        attack: case.attack,
        defence: case.defence,
        enforced_by: case.enforced_by,
        shapes: case.shapes(),
        held: false,
        reason: None,
        leaks: Vec::new(),
        searched_bytes: 0,
        memories: 0,
        took: Duration::ZERO,
    };
    for shape in case.shapes() {
        if let Err(error) = judge(case, *shape, limit, &mut verdict).await {
            let reason = format!("with a {}: {error:#}", shape.name());
            verdict.reason = Some(match verdict.reason.take() {
                Some(before) => format!("{before}\n{reason}"),
                None => reason,
            });
        }
    }
    verdict.held = verdict.reason.is_none() && verdict.leaks.is_empty();
    verdict.took = begun.elapsed();
    verdict
}

async fn judge(case: &'static Case, shape: Shape, limit: Duration, verdict: &mut Verdict) -> Result<()> {
    let arena = Arena::new(case, shape.kind())?;
    let run = tokio::spawn((case.run)(Arc::clone(&arena)));
    let outcome = match tokio::time::timeout(limit, run).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panicked)) => Err(anyhow::anyhow!("the case failed: {panicked}")),
        Err(_) => Err(anyhow::anyhow!("it did not end within {limit:?}")),
    };
    let searched = arena.search().await.context("the search for the canary failed")?;
    verdict.leaks.extend(searched.leaks);
    verdict.searched_bytes += searched.bytes;
    verdict.memories += searched.memories;
    outcome?;
    ensure!(searched.bytes > 0, "nothing was looked through");
    ensure!(searched.memories > 0 || !searched.called, "a component was called, and its memory was not looked through");
    Ok(())
}
