//! Where one case plays: its canary, the hosts that it sets up, and everything that was seen, to be looked through
//! when it is over.

use std::fmt::Debug;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use toolkeep_audit::RecordKind;
use toolkeep_host::{Account, Answer, Call, CallError, HostBuilder, HostError, Limits, MemoryObserver, Principal};
use toolkeep_tests::{Stage, guest, test_cache};
use toolkeep_vault::{ConnectionKey, CredentialKind};

use crate::canary::{Canary, Leak};
use crate::case::Case;
use crate::watch::{Log, Memories, Progress};

/// The place of one case.
pub(crate) struct Arena {
    pub(crate) case: &'static Case,
    pub(crate) canary: Arc<Canary>,
    memories: Arc<Memories>,
    memory_may_hold: AtomicBool,
    scenes: Mutex<Vec<Arc<Stage>>>,
    seen: Mutex<Vec<(String, Vec<u8>)>>,
    directories: Mutex<Vec<Arc<tempfile::TempDir>>>,
    streams: Mutex<Vec<JoinHandle<String>>>,
    log_start: usize,
}

impl Arena {
    pub(crate) fn new(case: &'static Case, kind: CredentialKind) -> Result<Arc<Self>> {
        let canary = Arc::new(Canary::new(kind)?);
        Ok(Arc::new(Self {
            case,
            memories: Arc::new(Memories::new(Arc::clone(&canary))),
            canary,
            memory_may_hold: AtomicBool::new(false),
            scenes: Mutex::default(),
            seen: Mutex::default(),
            directories: Mutex::default(),
            streams: Mutex::default(),
            log_start: Log::global().len(),
        }))
    }

    /// The component that attacks.
    pub(crate) fn guest(&self) -> Result<&'static str> {
        self.case.guest.context("this case has no component")
    }

    /// In this case the component learns the credential, by means that no host can prevent; what is tried is the
    /// line behind.
    pub(crate) fn guest_knows_the_canary(&self) {
        self.memory_may_hold.store(true, Ordering::Relaxed);
    }

    /// What looks through the memory of this case's components.
    pub(crate) fn memory_observer(&self) -> Arc<dyn MemoryObserver> {
        Arc::clone(&self.memories) as Arc<dyn MemoryObserver>
    }

    /// Whether the component had it in its memory.
    pub(crate) fn memory_held_the_canary(&self) -> bool {
        !self.memories.seen().leaks.is_empty()
    }

    /// Takes in something that somebody could see.
    pub(crate) fn see(&self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push((place.into(), bytes.into()));
    }

    /// Takes in a directory whose files are looked through when the case is over.
    pub(crate) fn watch_directory(&self, directory: Arc<tempfile::TempDir>) {
        self.directories.lock().unwrap_or_else(PoisonError::into_inner).push(directory);
    }

    /// Takes in what a program will have printed when it has ended.
    pub(crate) fn wait_for(&self, streams: [JoinHandle<String>; 2]) {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).extend(streams);
    }

    /// A host without a component, that may reach `base`.
    pub(crate) fn empty(
        self: &Arc<Self>,
        base: &str,
        limits: Limits,
        build: impl FnOnce(HostBuilder) -> HostBuilder,
    ) -> Result<Scene> {
        self.in_cache(base, limits, test_cache(), build)
    }

    /// The same, with its compile cache there.
    pub(crate) fn in_cache(
        self: &Arc<Self>,
        base: &str,
        limits: Limits,
        cache: PathBuf,
        build: impl FnOnce(HostBuilder) -> HostBuilder,
    ) -> Result<Scene> {
        self.built(base, limits, cache, |builder| Ok(build(builder)))
    }

    /// The same, where building may fail.
    pub(crate) fn built(
        self: &Arc<Self>,
        base: &str,
        limits: Limits,
        cache: PathBuf,
        build: impl FnOnce(HostBuilder) -> Result<HostBuilder, HostError>,
    ) -> Result<Scene> {
        let memories = self.memory_observer();
        let mut stage = Stage::build(base, limits, cache, |builder| build(builder.memory_observer(memories)))?;
        stage.canary.clone_from(&self.canary.secret);
        let stage = Arc::new(stage);
        self.scenes.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&stage));
        Ok(Scene { arena: Arc::clone(self), stage, progress: Arc::default() })
    }

    /// A host with the case's component, kim's canary for it, and an upstream at `base`.
    pub(crate) async fn scene(self: &Arc<Self>, base: &str) -> Result<Scene> {
        self.limited(base, limits()).await
    }

    /// The same, within these limits.
    pub(crate) async fn limited(self: &Arc<Self>, base: &str, limits: Limits) -> Result<Scene> {
        let scene = self.empty(base, limits, |builder| builder)?;
        scene.connect(self.guest()?, Some(base))?;
        scene.load(self.guest()?).await?;
        Ok(scene)
    }

    /// Looks everywhere for the canary.
    pub(crate) async fn search(&self) -> Result<Searched> {
        let streams = std::mem::take(&mut *self.streams.lock().unwrap_or_else(PoisonError::into_inner));
        for stream in streams {
            // Their programs were ended with the case.
            stream.await?;
        }
        let mut search = Search { canary: &self.canary, leaks: Vec::new(), bytes: 0 };
        let mut called = false;
        for line in Log::global().since(self.log_start).split(|byte| *byte == b'\n') {
            // Time, level and the module that wrote it.
            let words = String::from_utf8_lossy(line.get(..line.len().min(200)).unwrap_or_default()).into_owned();
            let module = words.split_whitespace().nth(2).unwrap_or_default();
            search.through(&format!("a line of the log from {module}"), line);
        }
        for (place, bytes) in self.seen.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            search.through(place, bytes);
        }
        for stage in self.scenes.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            for exchange in stage.exchanges.all() {
                let sent = exchange.sent.as_ref().map(ToString::to_string).unwrap_or_default();
                search.through(
                    "an exchange as it is shown",
                    format!("{exchange:?}\n{}\n{sent}", exchange.asked).as_bytes(),
                );
            }
            for record in stage.records()? {
                called |= record.kind == RecordKind::Intent;
                search.through("a record of the audit log", serde_json::to_string(&record)?.as_bytes());
                search.through("a record of the audit log", format!("{record:?}").as_bytes());
            }
            search.through_directory(stage.data.path())?;
        }
        for directory in self.directories.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            search.through_directory(directory.path())?;
        }
        let mut seen = self.memories.seen();
        if !self.memory_may_hold.load(Ordering::Relaxed) {
            search.leaks.append(&mut seen.leaks);
        }
        Ok(Searched { leaks: search.leaks, bytes: search.bytes + seen.bytes, memories: seen.memories, called })
    }
}

/// What a search gave.
pub(crate) struct Searched {
    /// Where the canary was.
    pub(crate) leaks: Vec<Leak>,
    /// How much was looked through, in bytes.
    pub(crate) bytes: usize,
    /// Memories of components that were looked through.
    pub(crate) memories: usize,
    /// Whether a component was called in this process, so that there was a memory to look through.
    pub(crate) called: bool,
}

struct Search<'a> {
    canary: &'a Canary,
    leaks: Vec<Leak>,
    bytes: usize,
}

impl Search<'_> {
    fn through(&mut self, place: &str, bytes: &[u8]) {
        self.bytes += bytes.len();
        self.leaks.extend(self.canary.find(bytes).map(|form| Leak { place: place.to_owned(), form }));
    }

    fn through_directory(&mut self, directory: &Path) -> Result<()> {
        for (path, bytes) in toolkeep_tests::files_below(directory)? {
            let name = path.strip_prefix(directory).unwrap_or(&path).display();
            self.through(&format!("the file {name}"), &bytes);
        }
        Ok(())
    }
}

/// Limits of a small host: calls that loop end soon, and the machine may be slow.
pub(crate) fn limits() -> Limits {
    let mut limits = Limits::default();
    // Attacks on other limits hold hundreds; those on this one hold a million.
    limits.handles = 1_024;
    limits.cpu_ms = 400;
    limits.concurrent_calls = 4;
    // Neighbours call without a pause, as long as an attack lasts.
    limits.calls_per_minute_per_principal = 0;
    limits
}

/// A host with an attack on it.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) arena: Arc<Arena>,
    pub(crate) stage: Arc<Stage>,
    pub(crate) progress: Arc<Progress>,
}

impl Scene {
    /// Loads a component of `tests/guests`.
    pub(crate) async fn load(&self, name: &str) -> Result<()> {
        self.stage.host.load(&guest(name)?).await.with_context(|| format!("{name} must load for this"))?;
        Ok(())
    }

    /// Loads bytes that must not load, and gives why they did not.
    pub(crate) async fn refused(&self, wasm: &[u8]) -> Result<HostError> {
        match self.stage.host.load(wasm).await {
            Ok(connector) => bail!("it loaded: {connector:?}"),
            Err(error) => {
                self.arena.see("the refusal to load", format!("{error}\n{error:?}"));
                Ok(error)
            }
        }
    }

    /// Stores the canary for kim.
    pub(crate) fn connect(&self, connector: &str, base: Option<&str>) -> Result<()> {
        self.connect_user(&self.stage.kim, connector, &self.arena.canary.secret, base)
    }

    /// Stores a credential for somebody, of the canary's kind, whose account is `kim@fixture.example`.
    pub(crate) fn connect_user(
        &self,
        who: &Principal,
        connector: &str,
        secret: &str,
        base: Option<&str>,
    ) -> Result<()> {
        let key = ConnectionKey::new(who.tenant.clone(), who.user.clone(), connector);
        self.stage.connect_as(key, secret, self.arena.canary.kind, base)
    }

    /// Calls the attacking component's tool `NAME_do` as kim.
    pub(crate) async fn call(&self, how: &str, with: &str) -> Result<Answer, CallError> {
        self.call_tool("do", how, with).await
    }

    /// Calls another tool of it.
    pub(crate) async fn call_tool(&self, verb: &str, how: &str, with: &str) -> Result<Answer, CallError> {
        let tool = format!("{}_{verb}", self.arena.case.guest.unwrap_or_default());
        self.call_as(&self.stage.kim, &tool, json!({ "how": how, "with": with })).await
    }

    /// Calls any tool as anybody. Whatever comes of it was seen.
    pub(crate) async fn call_as(&self, who: &Principal, tool: &str, arguments: Value) -> Result<Answer, CallError> {
        let mut call = Call::new(tool, arguments)?;
        call.progress = Some(Arc::clone(&self.progress) as Arc<dyn toolkeep_host::ProgressSink>);
        let result = self.stage.host.call(who, call).await;
        match &result {
            Ok(answer) => {
                self.arena.see("the result", format!("{answer:?}"));
                self.arena
                    .see("the result", answer.structured.as_ref().map(|raw| raw.get().to_owned()).unwrap_or_default());
            }
            Err(error) => self.see_error(error),
        }
        self.arena.see("progress", self.progress.all().join("\n"));
        result
    }

    /// Runs the attacking component's `identify` as kim.
    pub(crate) async fn identify(&self) -> Result<Account, CallError> {
        let connector = self.arena.case.guest.unwrap_or_default();
        let result = self.stage.host.identify(&self.stage.kim, connector, "default").await;
        match &result {
            Ok(account) => self.arena.see("the account", format!("{account:?}")),
            Err(error) => self.see_error(error),
        }
        result
    }

    /// The codes of what went wrong with the component's requests, as they are on record, in order.
    pub(crate) fn request_errors(&self) -> Result<Vec<String>> {
        let records = self.stage.records()?;
        let requests = records.iter().filter_map(|record| record.content.get("requests")?.as_array()).flatten();
        Ok(requests.filter_map(|request| request.get("error")?.as_str().map(ToOwned::to_owned)).collect())
    }

    fn see_error(&self, error: &CallError) {
        self.arena.see("the error's Display", error.to_string());
        self.arena.see("the error's Debug", format!("{error:?}"));
        let public = format!("{} {:?}", error.public_message(), error.details());
        self.arena.see("what the caller reads", public);
    }

    /// Somebody else of kim's tenant.
    pub(crate) fn lee(&self) -> Result<Principal> {
        Ok(Principal::new(self.stage.kim.tenant.clone(), "lee".parse()?))
    }

    /// Runs an attack while a neighbour of another user calls the fixture over and over: each of the neighbour's
    /// calls must be answered, during the attack and after it.
    pub(crate) async fn beside_a_neighbour<T>(&self, attack: impl Future<Output = T>) -> Result<T> {
        let mut attack = std::pin::pin!(attack);
        let (lee, mut calls) = (self.lee()?, 0_u32);
        self.load("fixture").await?;
        let attacked = loop {
            tokio::select! {
                biased;
                attacked = &mut attack => break attacked,
                answered = self.neighbour(&lee) => answered.with_context(|| format!("the neighbour's call {calls}"))?,
            }
            calls += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        self.neighbour(&lee).await.context("the neighbour's call after the attack")?;
        Ok(attacked)
    }

    async fn neighbour(&self, lee: &Principal) -> Result<()> {
        let call = Call::new("fixture_echo", json!({ "text": "neighbour" }))?;
        let answer = self.stage.host.call(lee, call).await?;
        ensure!(answer.structured.is_some_and(|raw| raw.get().contains("neighbour")), "it was given something else");
        Ok(())
    }
}

/// What a component said that it saw.
pub(crate) fn said(answer: &Answer) -> Result<String> {
    let raw = answer.structured.as_ref().context("the answer has no structured part")?;
    let value: Value = serde_json::from_str(raw.get())?;
    Ok(value.get("said").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// A structured answer as a value.
pub(crate) fn value(answer: &Answer) -> Result<Value> {
    Ok(serde_json::from_str(answer.structured.as_ref().context("the answer has no structured part")?.get())?)
}

/// The code of a call that must fail.
pub(crate) fn code<T: Debug>(result: Result<T, CallError>) -> Result<&'static str> {
    match result {
        Ok(answer) => bail!("it was answered: {answer:?}"),
        // The rule, where a rule decided: it says more than that one did.
        Err(CallError::EgressDenied { code, .. }) => Ok(code),
        Err(error) => Ok(error.code()),
    }
}

/// Requires one of these codes.
pub(crate) fn expect_code<T: Debug>(result: Result<T, CallError>, allowed: &[&str]) -> Result<()> {
    let code = code(result)?;
    ensure!(allowed.contains(&code), "it failed with {code} instead of {allowed:?}");
    Ok(())
}
