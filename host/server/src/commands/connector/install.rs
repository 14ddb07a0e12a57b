//! `toolkeep connector install`: shows what a component may do, asks, and pins the answer to its digest. Where a
//! connector of that name is installed, it shows what the new one may do besides.

use std::io::{IsTerminal, Write};

use serde_json::{Value, json};
use toolkeep_audit::{EventKind, Refusal};
use toolkeep_host::{CapabilitySheet, Effect, Installed, InstalledConnector, SheetDiff};

use super::{examine, sheet};
use crate::cli::{Global, Install};
use crate::failure::{Exit, Failure};
use crate::keep::{Keep, approval_setup, audit_failure, host_setup};
use crate::output::{self, GREEN, printable};

/// The code of an answer that was not yes.
const NOT_APPROVED: &str = "connector_not_approved";

/// Who said yes, as the audit log has it.
#[derive(Debug, Clone, Copy)]
enum Consent {
    /// A person, at a terminal that showed the sheet.
    Terminal,
    /// `--approve-digest`.
    Digest,
    /// These bytes are approved already; their file is put back.
    Standing,
    /// The demo, for a data directory of its own that goes away with it.
    #[cfg(feature = "demo")]
    Demo,
}

impl Consent {
    fn as_str(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Digest => "digest",
            Self::Standing => "standing approval",
            #[cfg(feature = "demo")]
            Self::Demo => "demo",
        }
    }
}

/// `toolkeep connector install`
///
/// # Errors
/// The file is no connector, its names collide with an installed one's, nobody said yes, or it could not be kept.
/// A refusal is recorded.
pub(crate) async fn install(global: &Global, options: Install) -> Result<(), Failure> {
    let (wasm, connector) = examine(global, &options.file).await?;
    let new = connector.sheet();
    let keep = Keep::open(global)?;
    let installed = keep.installed().await?;
    installed.refuse_collisions(&new).map_err(|error| host_setup(&error, Some(&options.file)))?;
    let before = installed.connector(&new.name);
    let diff = before.map(|before| before.sheet.diff(&new));
    let standing = before.is_some_and(|before| before.sheet == new);
    if standing && before.is_some_and(|before| installed.wasm(before).is_ok()) {
        if options.json {
            return output::json(&told(&new, before, diff.as_ref(), true));
        }
        return output::text(format_args!("{GREEN}installed already{GREEN:#} {} sha256 {}", new.name, new.digest));
    }
    if !options.json {
        show(&new, before, diff.as_ref())?;
    }
    let consent = match consent(&options, &new, standing) {
        Ok(consent) => consent,
        Err(refused) => {
            if options.json {
                output::json(&told(&new, before, diff.as_ref(), false))?;
            }
            record_refusal(&keep, &new, &refused).await?;
            return Err(refused);
        }
    };
    put(&keep, global, &wasm, &new, before, consent).await?;
    if options.json {
        return output::json(&told(&new, before, diff.as_ref(), true));
    }
    output::text(format_args!(
        "{GREEN}installed{GREEN:#} {} {} sha256 {}",
        new.name,
        printable(&new.version),
        new.digest
    ))
}

/// Installs a component without asking, for the demo, whose data directory is its own. Gives the connector's name.
///
/// # Errors
/// As [`install`].
#[cfg(feature = "demo")]
pub(crate) async fn approve(keep: &Keep, global: &Global, file: &std::path::Path) -> Result<String, Failure> {
    let (wasm, connector) = examine(global, file).await?;
    let sheet = connector.sheet();
    let installed = keep.installed().await?;
    installed.refuse_collisions(&sheet).map_err(|error| host_setup(&error, Some(file)))?;
    put(keep, global, &wasm, &sheet, installed.connector(&sheet.name), Consent::Demo).await?;
    Ok(sheet.name)
}

fn show(new: &CapabilitySheet, before: Option<&InstalledConnector>, diff: Option<&SheetDiff>) -> Result<(), Failure> {
    output::text(sheet::text(new)?.trim_end())?;
    match (before, diff) {
        (Some(before), Some(diff)) => output::text(sheet::diff_text(&before.sheet, diff)?.trim_end()),
        _ => Ok(()),
    }
}

/// What `--json` says: the sheet, what is installed, and what changes.
fn told(
    new: &CapabilitySheet,
    before: Option<&InstalledConnector>,
    diff: Option<&SheetDiff>,
    installed: bool,
) -> Value {
    json!({
        "name": new.name,
        "digest": new.digest,
        "installed": installed,
        "replaces": before.map(|before| &before.digest),
        "widens": diff.map(SheetDiff::widens),
        "diff": diff.map(|diff| &diff.changes),
        "sheet": new,
    })
}

/// Asks for a yes, unless the command line or an earlier approval has it.
fn consent(options: &Install, new: &CapabilitySheet, standing: bool) -> Result<Consent, Failure> {
    if let Some(given) = &options.approve_digest {
        let given = given.trim().to_ascii_lowercase();
        let given = given.strip_prefix("sha256:").unwrap_or(&given);
        if given == new.digest {
            return Ok(Consent::Digest);
        }
        let message = format!(
            "{} has the SHA-256 {}, which is not the one that --approve-digest names",
            options.file.display(),
            new.digest
        );
        return Err(Failure::new(Exit::Denied, "digest_mismatch", message)
            .next("find out which file you have; nothing was installed"));
    }
    if standing {
        return Ok(Consent::Standing);
    }
    let not_approved = |why: &str| {
        Failure::new(Exit::Denied, NOT_APPROVED, format!("{} {} was not installed: {why}", new.name, new.digest))
            .next(format!("toolkeep connector install {} --approve-digest {}", options.file.display(), new.digest))
    };
    // A sheet that went into a file or a pipe was not seen by whoever answers.
    if options.json || !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(not_approved("nobody was there to approve it"));
    }
    let mut out = anstream::stderr().lock();
    write!(out, "\nApprove {} {}, sha256 {}? [y/N] ", new.name, printable(&new.version), new.digest)?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(Consent::Terminal),
        _ => Err(not_approved("the answer was not yes")),
    }
}

/// Records the approval, then makes it, then loads the connector once: what was approved is what will run, and it
/// is compiled from here on.
async fn put(
    keep: &Keep,
    global: &Global,
    wasm: &[u8],
    new: &CapabilitySheet,
    before: Option<&InstalledConnector>,
    consent: Consent,
) -> Result<(), Failure> {
    let failed = |error| approval_setup(&error, None);
    let edit = keep.folder()?.edit().map_err(failed)?;
    let now = edit.installed().connector(&new.name).map(|now| &now.digest);
    if now != before.map(|before| &before.digest) {
        let message = format!("another version of {} was installed meanwhile; nothing was changed", new.name);
        return Err(Failure::new(Exit::Unavailable, "installed_meanwhile", message)
            .next("run the command again, to see what changes now"));
    }
    let widens = before.map(|before| before.sheet.diff(new).of(Effect::Widens).count());
    let details = json!({
        "version": new.version, "digest": new.digest, "replaces": now, "widens": widens,
        "consent": consent.as_str(), "revision": edit.revision(),
    });
    keep.record(EventKind::ConnectorApproved, None, &new.name, details).await?;
    let installed: Installed = edit.install(wasm, new.clone()).map_err(failed)?;
    let host = keep.bare_host(global, &installed, None)?;
    host.load(wasm).await.map(|_| ()).map_err(|error| host_setup(&error, Some(&installed.file(&new.digest))))
}

async fn record_refusal(keep: &Keep, new: &CapabilitySheet, refused: &Failure) -> Result<(), Failure> {
    let refusal = Refusal {
        connector: Some(new.name.clone()),
        code: refused.code().to_owned(),
        rule: Some(format!("sha256:{} was shown and not approved", new.digest)),
        ..Refusal::default()
    };
    keep.audit.refuse(refusal).await.map(|_receipt| ()).map_err(|error| audit_failure(&error))
}
