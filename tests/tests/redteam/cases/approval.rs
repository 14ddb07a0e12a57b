//! Supply chain, part three: nothing runs that nobody approved, and an approval is for exactly the bytes that were
//! looked at. In most cases the real program is asked.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use toolkeep_host::{Approval, ApprovalError, Approvals, CapabilitySheet};
use toolkeep_tests::{guest, guest_path};

use super::load::NOWHERE;
use crate::arena::{Arena, limits};
use crate::case::{Case, Category, case};
use crate::program::{Data, Done, digest};

const CATEGORY: Category = Category::SupplyChain;
/// The program's exit code for what cannot start.
const CANNOT_START: i32 = 78;
/// The program's exit code for what was not approved.
const NOT_APPROVED: i32 = 3;

pub(crate) const CASES: &[Case] = &[
    case!(
        "approval/none",
        "fixture",
        "is named to the server without having been approved",
        "only what was approved is loaded",
        "host/runtime/src/approval.rs",
        unapproved,
    ),
    case!(
        "approval/other-digest",
        "fixture",
        "is installed with the digest of another component",
        "the approval is for the bytes that have the digest",
        "host/server/src/commands/connector/install.rs",
        other_digest,
    ),
    case!(
        "approval/changed-bytes",
        "fixture",
        "is changed on the disk after it was approved",
        "what is loaded is what was approved, byte for byte",
        "host/runtime/src/approval/folder.rs",
        changed_bytes,
    ),
    case!(
        "approval/swapped",
        "endless_loop",
        "puts itself in the place of an approved component",
        "what is loaded is what was approved, byte for byte",
        "host/runtime/src/approval/folder.rs",
        swapped,
    ),
    case!(
        "approval/forged",
        "fixture",
        "changes a byte of the list of approvals",
        "the list is sealed with a key of the vault",
        "host/runtime/src/approval/manifest.rs",
        forged,
    ),
    case!(
        "approval/other-vault",
        "fixture",
        "brings the list of approvals of another data directory",
        "the list is sealed with a key of this vault",
        "host/runtime/src/approval/manifest.rs",
        of_another_vault,
    ),
    case!(
        "approval/stray",
        "endless_loop",
        "lies among the installed components, and waits to be loaded",
        "what no approval names keeps the server from starting",
        "host/runtime/src/approval/folder.rs",
        stray,
    ),
    case!(
        "approval/other-sheet",
        "fixture",
        "says more of itself than was shown to whoever approved it",
        "an approval is for what the component said of itself then",
        "host/runtime/src/approval.rs",
        other_sheet,
    ),
];

/// Starts the server on it, which must not start.
async fn does_not_serve(data: &Data, more: &[&str]) -> Result<Done> {
    let mut arguments = vec!["serve", "--json", "--listen", "127.0.0.1:0", "--exit-with-stdin"];
    arguments.extend(more);
    let done = data.run(&arguments, "", &[]).await?;
    ensure!(done.code == Some(CANNOT_START) && !done.stdout.contains("url"), "it started: {done:?}");
    Ok(done)
}

async fn unapproved(arena: Arc<Arena>) -> Result<()> {
    let data = Data::empty(&arena, None)?;
    let file = guest_path("fixture").display().to_string();
    let done = does_not_serve(&data, &["--connector", &file]).await?;
    ensure!(done.stderr.contains("approved"), "it does not say why: {done:?}");
    Ok(())
}

async fn other_digest(arena: Arc<Arena>) -> Result<()> {
    let data = Data::empty(&arena, None)?;
    let file = guest_path("fixture").display().to_string();
    let other = digest(&guest_path("endless_loop"))?;
    let done = data.run(&["connector", "install", &file, "--approve-digest", &other], "", &[]).await?;
    ensure!(done.code == Some(NOT_APPROVED), "it was installed: {done:?}");
    does_not_serve(&data, &[]).await?;
    Ok(())
}

/// The installed component's file.
fn installed(data: &Data) -> Result<std::path::PathBuf> {
    let files = data.files()?.into_iter().map(|(path, _)| path);
    let mut components = files.filter(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    components.next().context("no component is installed")
}

async fn changed_bytes(arena: Arc<Arena>) -> Result<()> {
    let data = Data::new(&arena, &["fixture"], None).await?;
    let file = installed(&data)?;
    let mut bytes = std::fs::read(&file)?;
    // A custom section changes the bytes and nothing else.
    bytes.extend_from_slice(&[0, 3, 1, b'x', b'y']);
    std::fs::write(&file, bytes)?;
    does_not_serve(&data, &[]).await?;
    Ok(())
}

async fn swapped(arena: Arc<Arena>) -> Result<()> {
    let data = Data::new(&arena, &["fixture"], None).await?;
    std::fs::copy(guest_path("endless_loop"), installed(&data)?)?;
    does_not_serve(&data, &[]).await?;
    Ok(())
}

/// The list of approvals.
fn list(data: &Data) -> Result<(std::path::PathBuf, Vec<u8>)> {
    let mut files = data.files()?.into_iter();
    files.find(|(path, _)| path.file_name().is_some_and(|name| name == "approvals")).context("there is no list")
}

async fn forged(arena: Arc<Arena>) -> Result<()> {
    let data = Data::new(&arena, &["fixture"], None).await?;
    let (path, whole) = list(&data)?;
    for at in [0, whole.len() / 2, whole.len() - 1] {
        let mut bent = whole.clone();
        *bent.get_mut(at).context("the list has bytes")? ^= 1;
        std::fs::write(&path, bent)?;
        does_not_serve(&data, &[]).await?;
    }
    Ok(())
}

async fn of_another_vault(arena: Arc<Arena>) -> Result<()> {
    let (data, attacker) = (Data::empty(&arena, None)?, Data::new(&arena, &["fixture"], None).await?);
    // A vault of its own, with something in it.
    data.install(&guest_path("endless_loop")).await?;
    let (mine, theirs) = (installed(&data)?, installed(&attacker)?);
    // Everything as it is in the other directory, and nothing besides: so it is the seal that does not fit.
    std::fs::remove_file(&mine)?;
    std::fs::copy(&theirs, mine.with_file_name(theirs.file_name().context("a name")?))?;
    std::fs::write(list(&data)?.0, list(&attacker)?.1)?;
    let done = does_not_serve(&data, &[]).await?;
    ensure!(done.stderr.contains("seal"), "it does not say why: {done:?}");
    Ok(())
}

async fn stray(arena: Arc<Arena>) -> Result<()> {
    let data = Data::new(&arena, &["fixture"], None).await?;
    let file = guest_path("endless_loop");
    std::fs::copy(&file, installed(&data)?.with_file_name(format!("{}.wasm", digest(&file)?)))?;
    does_not_serve(&data, &[]).await?;
    Ok(())
}

/// Approves one component under one sheet.
struct OneSheet(CapabilitySheet);

impl Approvals for OneSheet {
    fn find(&self, digest: &str) -> Result<Option<Approval>, ApprovalError> {
        Ok((digest == self.0.digest).then(|| Approval::of_sheet(&self.0)))
    }
}

async fn other_sheet(arena: Arc<Arena>) -> Result<()> {
    let wasm = guest("fixture")?;
    let mut sheet = arena.empty(NOWHERE, limits(), |builder| builder)?.stage.host.inspect(&wasm).await?.sheet();
    let with = |sheet: &CapabilitySheet| {
        let approvals = Arc::new(OneSheet(sheet.clone()));
        arena.empty(NOWHERE, limits(), |builder| builder.approvals(approvals))
    };
    // Under its own sheet it loads, so it is the sheet that is refused.
    with(&sheet)?.load("fixture").await?;
    sheet.tools.pop().context("it has tools")?;
    let scene = with(&sheet)?;
    let error = scene.refused(&wasm).await?;
    ensure!(error.code() == "connector_changed", "{error}");
    ensure!(scene.stage.host.connectors().is_empty(), "it is loaded all the same");
    Ok(())
}
