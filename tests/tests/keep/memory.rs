//! What a guest has in memory can be looked at, however its call ends, and the credential is never there.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use toolkeep_audit::AuditLog;
use toolkeep_host::{Call, Host, Limits, MemoryObserver, Principal};
use toolkeep_tests::{api_key_canary, guest};
use toolkeep_vault::{ConnectionKey, CredentialKind, NewConnection, Vault};

use crate::upstreams::{Upstream, json as json_answer};

/// Says of each memory whether it holds one of two texts.
struct Looks {
    known: String,
    secret: String,
    found: Mutex<Vec<(bool, bool)>>,
}

impl Looks {
    /// Since the last time: (memories, how many hold the known text, how many the secret).
    fn take(&self) -> (usize, usize, usize) {
        let found = std::mem::take(&mut *self.found.lock().unwrap());
        let count = |holds: fn(&(bool, bool)) -> bool| found.iter().filter(|memory| holds(memory)).count();
        (found.len(), count(|memory| memory.0), count(|memory| memory.1))
    }
}

impl MemoryObserver for Looks {
    fn memory(&self, bytes: &[u8]) {
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        self.found.lock().unwrap().push((holds(&self.known), holds(&self.secret)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guests_memory_is_seen_however_its_call_ends_and_never_holds_the_credential() {
    let known = format!("known-{}", std::process::id());
    let secret = api_key_canary("memory");
    let answer = known.clone();
    let upstream = Upstream::start(move |_| json_answer(format!("{{\"id\":\"{answer}\"}}"))).await;
    let looks = Arc::new(Looks { known: known.clone(), secret: secret.clone(), found: Mutex::new(Vec::new()) });

    let vault = Arc::new(Vault::in_memory().unwrap());
    let audit = AuditLog::in_memory(vault.derive_key("audit digests")).unwrap();
    let mut limits = Limits::default();
    limits.cpu_ms = 200;
    limits.wall_clock_ms = 2_000;
    let host = Host::builder(vault, audit)
        .limits(limits)
        .operator_base(&upstream.base)
        .unwrap()
        .memory_observer(Arc::clone(&looks) as Arc<dyn MemoryObserver>)
        .build()
        .unwrap();
    host.load_trusted(&guest("misbehaves").unwrap()).await.unwrap();
    assert_eq!(looks.take(), (0, 0, 0), "a description is no call");
    let kim = Principal::new("acme".parse().unwrap(), "kim".parse().unwrap());
    host.vault()
        .connect(NewConnection {
            key: ConnectionKey::new(kim.tenant.clone(), kim.user.clone(), "misbehaves"),
            secret: SecretString::from(secret.clone()),
            kind: CredentialKind::ApiKey,
            granted_scopes: None,
            base: Some(upstream.base.clone()),
            account: None,
        })
        .unwrap();
    let call = async |how: &str, with: &str| {
        let arguments = json!({ "how": how, "with": with });
        host.call(&kim, Call::new("misbehaves_do", arguments).unwrap()).await.map_err(|error| error.code())
    };

    assert!(call("thing", "1").await.is_ok());
    assert_eq!(looks.take(), (1, 1, 0), "what the upstream said was in memory");
    let sent = upstream.asked.lock().unwrap().iter().all(|request| request.headers["x-api-key"] == *secret);
    assert!(sent, "the credential did go where it belongs");
    for (how, code) in [("panic", "connector_failed"), ("sleep", "time_limit"), ("loop", "cpu_limit")] {
        assert_eq!(call(how, &known).await.unwrap_err(), code);
        assert_eq!(looks.take(), (1, 1, 0), "{how}: the arguments were in memory");
    }
    host.identify(&kim, "misbehaves", "default").await.unwrap_err();
    assert_eq!(looks.take(), (1, 0, 0), "identify is looked at too");
    // A caller that goes away in the middle stops the guest, and what it had is seen all the same.
    let asked = upstream.count();
    let url = format!("https://fixture.example/things/{known}");
    {
        let mut leaving = std::pin::pin!(call("fire_and_forget", &url));
        while upstream.count() == asked {
            let _still_running = tokio::time::timeout(Duration::from_millis(1), &mut leaving).await;
        }
    }
    let seen = async {
        while looks.found.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await.unwrap();
    assert_eq!(looks.take(), (1, 1, 0));
}
