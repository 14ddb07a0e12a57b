//! `toolkeep key`: the API keys that agents present to `toolkeep serve`.

use std::io::IsTerminal;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::json;
use toolkeep_audit::EventKind;
use toolkeep_policy::{Principal, ToolFilter};
use toolkeep_vault::{ApiKeyInfo, NewApiKey};

use crate::cli::{Global, KeyCreate, KeyList, KeyRevoke};
use crate::failure::{Exit, Failure};
use crate::keep::{self, Keep, vault_failure};
use crate::output::{self, printable};

/// `toolkeep key create`. The key is data: it is the one thing on standard output.
///
/// # Errors
/// A malformed expiry or name, an unknown tool; the vault, the audit log or the output failed, and then there
/// is no key that works.
pub(crate) async fn create(global: &Global, options: KeyCreate) -> Result<(), Failure> {
    let principal = keep::principal(&options.identity, &options.tools)?;
    let expires_at = options.expires.as_deref().map(|text| expiry(text, Timestamp::now())).transpose()?;
    let keep = Keep::open(global)?;
    if !options.tools.is_empty() {
        if keep.has_connectors(global).await? {
            keep::check_tools(&keep.host(global, None).await?, &options.tools)?;
        } else {
            output::progress("No connector is loaded, so the names of the tools were not checked.");
        }
    }
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
    let shown = if options.json {
        output::json(&json!({ "key": key.expose_secret(), "info": info }))
    } else {
        output::text(key.expose_secret())
    };
    if let Err(failure) = shown {
        // Nobody has seen all of it, so nobody would ever revoke it.
        end(&keep, &info).await?;
        let message = format!("the key could not be shown and was revoked: {}", failure.message());
        return Err(Failure::new(Exit::Io, "key_not_shown", message).next("make another, with an output that takes it"));
    }
    if !options.json && std::io::stdout().is_terminal() {
        output::progress(format!("Shown once; keep it like a password. Its id, to revoke it by, is {}.", info.id));
    }
    Ok(())
}

/// `toolkeep key list`
///
/// # Errors
/// The vault failed.
pub(crate) fn list(global: &Global, options: &KeyList) -> Result<(), Failure> {
    let Some(keep) = Keep::open_to_list(global)? else { return Ok(()) };
    let mut keys = keep.vault.api_keys().map_err(|error| vault_failure(&error))?;
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
    let keep = Keep::open_existing(global, "toolkeep key list")?;
    let keys = keep.vault.api_keys().map_err(|error| vault_failure(&error))?;
    let id = id_of(&options.id);
    // Not repeated: somebody may have pasted the secret part.
    let unknown = || {
        Failure::new(Exit::Usage, "unknown_key", "there is no key of this id that still works")
            .next("toolkeep key list")
    };
    let info = keys.iter().find(|key| key.id == id).ok_or_else(unknown)?;
    if !end(&keep, info).await? {
        return Err(unknown());
    }
    if options.json {
        return output::json(&json!({ "id": info.id, "tenant": info.tenant, "user": info.user, "revoked": true }));
    }
    output::progress(format!("Key {} no longer works.", info.id));
    Ok(())
}

/// Revokes a key and records whose it was. `false` if it was revoked before.
async fn end(keep: &Keep, info: &ApiKeyInfo) -> Result<bool, Failure> {
    if !keep.vault.revoke_api_key(&info.id).map_err(|error| vault_failure(&error))? {
        return Ok(false);
    }
    let whose = Principal::new(info.tenant.clone(), info.user.clone());
    keep.record(EventKind::ApiKeyRevoked, Some(&whose), &info.id, json!({ "label": info.label })).await?;
    Ok(true)
}

/// The id in what was given: an id, or a whole key `tk_<id>_<secret>`.
fn id_of(given: &str) -> &str {
    let given = given.trim();
    given.strip_prefix("tk_").map_or(given, |rest| rest.split('_').next().unwrap_or(rest))
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
    fn a_whole_key_is_taken_for_its_id() {
        for given in ["0123456789abcdef", "tk_0123456789abcdef_a_b-c", " tk_0123456789abcdef"] {
            assert_eq!(id_of(given), "0123456789abcdef");
        }
    }

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
