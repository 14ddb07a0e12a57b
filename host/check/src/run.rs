//! The check from top to bottom: first arguments against a good upstream, then the best of them against bad ones.

use std::time::Instant;

use hostile_upstream::Behaviour;
use serde_json::Value;
use toolkeep_host::{Connector, Limits};

use crate::judge::{End, Lists, judge};
use crate::plan::{self, Target, Work};
use crate::report::{Case, Coverage, Finding, Report, ToolCoverage, Verdict};
use crate::stage::{Outcome, Stage, Watching, looked_at};
use crate::{CheckError, Options, Step};

/// Longest arguments that a report shows, in characters.
const MAX_SHOWN_CHARS: usize = 400;

/// The first sets of arguments, which have nothing hostile in them.
const PLAIN_SETS: usize = 2;

struct Run<'a> {
    stage: Stage,
    lists: Lists,
    coverage: Coverage,
    met: Vec<bool>,
    tell: &'a (dyn Fn(&Step) + Sync),
    total: usize,
    not_tried: Vec<String>,
}

/// A target with what is known of it.
struct Tried {
    target: Target,
    coverage: ToolCoverage,
    /// The set that came furthest, and how far: an answer counts more than requests.
    best: (usize, usize),
}

/// Runs everything.
pub(crate) async fn run(
    wasm: &[u8],
    options: &Options,
    tell: &(dyn Fn(&Step) + Sync),
    watching: Watching,
) -> Result<Report, CheckError> {
    let begun = Instant::now();
    let stage = Stage::set(wasm, &options.limits, watching).await?;
    let description = &stage.connector.description;
    if let Some(tool) = options.tool.as_ref().filter(|tool| description.tools.iter().all(|one| one.name != **tool)) {
        let tools = description.tools.iter().map(|one| one.name.clone()).collect();
        return Err(CheckError::UnknownTool { tool: tool.clone(), tools });
    }
    let (targets, left_out) = plan::targets(description, options.tool.as_deref(), options.quick, options.seed);
    let (each, some) = (plan::for_each_target(options.quick), plan::for_some_target(options.quick));
    let known = Behaviour::catalogue();
    let senders = targets.iter().filter(|target| target.sends).count();
    let rest = if senders == 0 { 0 } else { some.len() };
    let total = targets.iter().map(|target| target.sets.len()).sum::<usize>() + senders * each.len() + rest;
    let mut run = Run {
        stage,
        lists: Lists::default(),
        coverage: Coverage { behaviours_known: known.len(), ..Coverage::default() },
        met: vec![false; known.len()],
        tell,
        total,
        not_tried: left_out.clone(),
    };
    run.look_at_description(wasm, &options.limits, &left_out).await?;

    let mut tried: Vec<Tried> = targets.into_iter().map(Tried::new).collect();
    for one in &mut tried {
        run.arguments(one).await;
    }
    for one in tried.iter_mut().filter(|one| one.target.sends) {
        for behaviour in &each {
            run.best(one, behaviour).await;
        }
    }
    // The rest of the catalogue goes round the targets; the seed says who begins.
    let mut senders: Vec<&mut Tried> = tried.iter_mut().filter(|one| one.target.sends).collect();
    let count = senders.len();
    for (number, behaviour) in some.iter().enumerate() {
        let turn = usize::try_from(options.seed).unwrap_or(0).wrapping_add(number).checked_rem(count);
        if let Some(one) = turn.and_then(|turn| senders.get_mut(turn)) {
            run.best(one, behaviour).await;
        }
    }
    for one in &tried {
        run.sum_up(one);
    }
    let Run { stage, lists, mut coverage, met, not_tried, .. } = run;
    coverage.behaviours = met.iter().filter(|met| **met).count();
    coverage.tools = tried.into_iter().map(|one| one.coverage).collect();
    let connector = &stage.connector;
    let (leaks, faults) = (lists.leaks.into_list(), lists.faults.into_list());
    Ok(Report {
        verdict: if leaks.is_empty() && faults.is_empty() { Verdict::Pass } else { Verdict::Fail },
        connector: connector.description.name.clone(),
        version: connector.description.version.clone(),
        digest: connector.digest.clone(),
        seed: options.seed,
        quick: options.quick,
        only_tool: options.tool.clone(),
        leaks,
        faults,
        warnings: lists.warnings.into_list(),
        known_limits: lists.known_limits.into_list(),
        not_tried,
        coverage,
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

impl Tried {
    fn new(target: Target) -> Self {
        let coverage =
            ToolCoverage { tool: target.name.clone(), argument_sets: target.sets.len(), ..ToolCoverage::default() };
        Self { target, coverage, best: (0, 0) }
    }
}

impl Run<'_> {
    /// What the component says of itself: no secret, and the same whenever it is asked.
    async fn look_at_description(
        &mut self,
        wasm: &[u8],
        limits: &Limits,
        left_out: &[String],
    ) -> Result<(), CheckError> {
        let said = sheet(&self.stage.connector);
        if let Some(hit) = self.stage.finder.find(said.as_bytes()) {
            let what = format!("the credential was seen in the description ({})", hit.form);
            self.lists.leaks.add("description".to_owned(), Finding::new("credential_leaked", what).at("description"));
        }
        if sheet(&looked_at(wasm, limits).await?) != said {
            let what = "the component describes itself differently each time it is asked";
            self.lists.faults.add("describe".to_owned(), Finding::new("describe_changes", what));
        }
        for name in left_out {
            let what = format!(
                "{name} was not run: it sends to an origin that no credential is bound to, and the check stands in for no other"
            );
            self.lists.warnings.add(format!("left out {name}"), Finding::new("not_run", what));
        }
        Ok(())
    }

    /// Every set of arguments, against an upstream that answers as one should.
    async fn arguments(&mut self, one: &mut Tried) {
        for set in 0..one.target.sets.len() {
            let Some((end, sent, case)) = self.case(one, set, &Behaviour::Plausible).await else { continue };
            let score = usize::from(end == End::Answer) * 1_000 + sent.min(999);
            if score > one.best.1 {
                one.best = (set, score);
            }
            one.coverage.refused_by_tool += usize::from(end == End::RefusedByTool);
            // Hostile texts may well be refused; what the schema means may not.
            if set >= PLAIN_SETS {
                continue;
            }
            let (name, why) = (&one.target.name, &case.arguments_why);
            let warning = match end {
                End::RefusedByTool => {
                    let what = format!("{name} takes arguments for invalid that its schema allows: {why}");
                    Finding::new("schema_wider_than_tool", what)
                }
                End::RefusedBySchema => {
                    let what = format!("no arguments that its schema allows could be made for {name}: {why}");
                    Finding::new("arguments_not_made", what)
                }
                _ => continue,
            };
            self.lists.warnings.add(format!("{} {name} {why}", warning.code), warning.in_case(&case));
        }
    }

    /// The arguments that came furthest, against a behaviour.
    async fn best(&mut self, one: &mut Tried, behaviour: &Behaviour) {
        let set = one.best.0;
        self.case(one, set, behaviour).await;
    }

    /// Runs one case and judges it: how it ended, and how many requests it sent.
    async fn case(&mut self, one: &mut Tried, set: usize, behaviour: &Behaviour) -> Option<(End, usize, Case)> {
        let arguments = one.target.sets.get(set)?;
        let number = self.coverage.cases + 1;
        let user = *one.target.users.get(number % one.target.users.len().max(1))?;
        let case = Case {
            number,
            tool: one.target.name.clone(),
            upstream: behaviour.id(),
            upstream_does: behaviour.description(),
            arguments: shown(&arguments.value),
            arguments_why: arguments.why.clone(),
        };
        (self.tell)(&Step {
            done: self.coverage.cases,
            of: self.total,
            what: format!("{}  {}", case.tool, case.upstream),
        });
        self.stage.users.get(user)?.upstream.set(behaviour.clone());
        let times = plan::times(behaviour);
        let value = arguments.value.clone();
        let outcome: Outcome = match one.target.work {
            Work::Tool(_) => self.stage.call(user, &one.target.name, &value, times).await?,
            Work::Identify => self.stage.identify(user, times).await?,
        };
        let end = judge(&case, behaviour, &outcome, self.stage.users.get(user)?, &self.stage.finder, &mut self.lists);
        self.coverage.cases += 1;
        self.coverage.requests += outcome.requests.len();
        self.coverage.memories += outcome.seen.memories;
        self.coverage.memory_bytes += outcome.seen.memory_bytes;
        if !outcome.requests.is_empty()
            && let Some(met) = known_place(behaviour).and_then(|at| self.met.get_mut(at))
        {
            *met = true;
        }
        one.coverage.calls += 1;
        one.coverage.requests += outcome.requests.len();
        one.coverage.answers += usize::from(end == End::Answer);
        one.coverage.tool_errors += usize::from(matches!(end, End::ToolError | End::RefusedByTool));
        Some((end, outcome.requests.len(), case))
    }

    /// What only all cases of a tool together say.
    fn sum_up(&mut self, one: &Tried) {
        let name = &one.target.name;
        let mut warn = |code, what: String| self.lists.warnings.add(format!("{code} {name}"), Finding::new(code, what));
        if one.target.sends && one.coverage.requests == 0 {
            warn(
                "never_sent",
                format!("{name} declares requests and sent none, whatever its arguments: it was not tried"),
            );
        }
        if one.coverage.answers == 0 {
            warn("never_answered", format!("{name} never gave an answer, whatever its arguments and the upstream"));
        }
        if one.coverage.answers == 0 || (one.target.sends && one.coverage.requests == 0) {
            self.not_tried.push(name.clone());
        }
    }
}

/// Everything that a component says of itself, in one spelling.
fn sheet(connector: &Connector) -> String {
    serde_json::to_string(&connector.sheet()).unwrap_or_default()
}

fn known_place(behaviour: &Behaviour) -> Option<usize> {
    Behaviour::catalogue().iter().position(|known| known == behaviour)
}

fn shown(arguments: &Value) -> String {
    let text = arguments.to_string();
    if text.chars().count() <= MAX_SHOWN_CHARS {
        return text;
    }
    text.chars().take(MAX_SHOWN_CHARS).chain(std::iter::once('…')).collect()
}
