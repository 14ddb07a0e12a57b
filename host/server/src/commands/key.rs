//! `toolkeep key`: the API keys that agents present to `toolkeep serve`.

use std::io::IsTerminal;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::json;
use toolkeep_audit::EventKind;
use toolkeep_policy::ToolFilter;
use toolkeep_vault::{ApiKeyInfo, NewApiKey};

use crate::cli::{Global, KeyCreate, KeyList, KeyRevoke};
use crate::failure::{Exit, Failure};
use crate::keep::{self, Keep, vault_failure};
use crate::output::{self, printable};

/// `toolkeep key create`. The key is data: it is the one thing on standard output.
///
/// # Errors
/// A malformed expiry or name; the vault or the audit log failed, and then there is no key.
pub(crate) async fn create(global: &Global, options: KeyCreate) -> Result<(), Failure> {
    let principal = keep::principal(&options.identity, &options.tools)?;
    let expires_at = options.expires.as_deref().map(|text| expiry(text, Timestamp::now())).transpose()?;
    let keep = Keep::open(global)?;
    let new = NewApiKey {
        tenant: principal.tenant.clone(),
        user: principal.user.clone(),
        label: options.label,
        tools: principal.tools.clone(),
        expires_at,
    };
    let (info, key) = keep.vault.create_api_key(new).map_err(|error| vault_failure(&error))?;
    let details = json!({ "label": info.label, "tools": info.tools, "expires_at": info.expires_at });
    if let Err(failure) = keep.record(EventKind::ApiKeyCreated, Some(&principal), &info.id, details).await {
        // What is not recorded must not exist.
        keep.vault.revoke_api_key(&info.id).map_err(|error| vault_failure(&error))?;
        return Err(failure);
    }
    if options.json {
        return output::json(&json!({ "key": key.expose_secret(), "info": info }));
    }
    output::text(key.expose_secret())?;
    if std::io::stdout().is_terminal() {
        output::progress(format!("Shown once; keep it like a password. Its id, to revoke it by, is {}.", info.id));
    }
    Ok(())
}

/// `toolkeep key list`
///
/// # Errors
/// The vault failed.
pub(crate) fn list(global: &Global, options: &KeyList) -> Result<(), Failure> {
    let mut keys = Keep::open(global)?.vault.api_keys().map_err(|error| vault_failure(&error))?;
    keys.retain(|key| options.tenant.as_ref().is_none_or(|tenant| key.tenant.as_str() == tenant));
    if options.json {
        return keys.iter().try_for_each(output::json);
    }
    let now = Timestamp::now();
    let mut table = output::table(["ID", "TENANT", "USER", "LABEL", "TOOLS", "STATE", "LAST USED"]);
    for key in &keys {
        let tools = match &key.tools {
            ToolFilter::All => "all".to_owned(),
            ToolFilter::Only(names) => names.iter().cloned().collect::<Vec<_>>().join(" "),
        };
        let last_used = key.last_used_at.map_or_else(|| "never".to_owned(), minute);
        table.add_row([
            key.id.clone(),
            key.tenant.to_string(),
            key.user.to_string(),
            printable(&key.label),
            printable(&tools),
            state(key, now),
            last_used,
        ]);
    }
    output::text(table)
}

/// `toolkeep key revoke`
///
/// # Errors
/// No such key, or the vault or the audit log failed.
pub(crate) async fn revoke(global: &Global, options: KeyRevoke) -> Result<(), Failure> {
    let keep = Keep::open(global)?;
    if !keep.vault.revoke_api_key(&options.id).map_err(|error| vault_failure(&error))? {
        return Err(Failure::new(
            Exit::Usage,
            "unknown_key",
            format!("there is no key {:?} that still works", options.id),
        )
        .next("toolkeep key list"));
    }
    keep.record(EventKind::ApiKeyRevoked, None, &options.id, json!({})).await?;
    output::progress(format!("Key {} no longer works.", options.id));
    Ok(())
}

fn state(key: &ApiKeyInfo, now: Timestamp) -> String {
    match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {}", minute(at)),
        (None, Some(at)) if at <= now => format!("expired {}", minute(at)),
        (None, Some(at)) => format!("until {}", minute(at)),
        (None, None) => "active".to_owned(),
    }
}

/// To the minute, in UTC.
pub(crate) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// `30d`, `12h`, `45m`, or a time of RFC 3339.
fn expiry(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let malformed =
        || Failure::usage(format!("--expires {text}: give 30d, 12h, 45m, or a time such as 2027-01-31T00:00:00Z"));
    let hours_of = |number: &str, factor: i64| {
        let amount: i64 = number.parse().map_err(|_| malformed())?;
        let minutes = amount.checked_mul(factor).filter(|minutes| *minutes > 0).ok_or_else(malformed)?;
        let duration = minutes.checked_mul(60).map(SignedDuration::from_secs).ok_or_else(malformed)?;
        now.checked_add(duration).map_err(|_| malformed())
    };
    let at = if let Some(days) = text.strip_suffix('d') {
        hours_of(days, 24 * 60)?
    } else if let Some(hours) = text.strip_suffix('h') {
        hours_of(hours, 60)?
    } else if let Some(minutes) = text.strip_suffix('m') {
        hours_of(minutes, 1)?
    } else {
        text.parse().map_err(|_| malformed())?
    };
    if at <= now {
        return Err(Failure::usage(format!("--expires {text}: that is not in the future")));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn an_expiry_is_a_span_or_a_time_in_the_future() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let at = |text: &str| expiry(text, now).map(|at| at.to_string());
        assert_eq!(at("30d").unwrap(), "2026-12-22T10:00:00Z");
        assert_eq!(at("12h").unwrap(), "2026-11-22T22:00:00Z");
        assert_eq!(at("45m").unwrap(), "2026-11-22T10:45:00Z");
        assert_eq!(at("2027-01-31T00:00:00Z").unwrap(), "2027-01-31T00:00:00Z");
        for bad in ["", "d", "0d", "-1d", "30", "soon", "9223372036854775807d", "2026-11-22T09:59:59Z"] {
            assert!(at(bad).is_err(), "{bad:?}");
        }
    }
}
