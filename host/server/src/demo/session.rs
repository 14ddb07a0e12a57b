//! The session that the demo plays: what a real client would ask, what came back, and what the host did
//! meanwhile.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Value, json};
use toolkeep_audit::Query;

use super::client::{Client, ToolAnswer};
use super::{Stage, exchanges, rows};
use crate::commands::audit;
use crate::failure::{Exit, Failure};
use crate::keep::audit_failure;
use crate::output::{self, BOLD, DIM, GREEN, RED, printable};

/// Audit records shown at the end: those of the last steps.
const RECORDS_SHOWN: usize = 14;
/// The service that the demo opens an incident on.
const SERVICE: &str = "auth-gateway";

/// Plays the session and shows it.
///
/// # Errors
/// Something did not happen as it must: a demo that hides that would be worth nothing.
pub(super) async fn play(stage: &Stage) -> Result<(), Failure> {
    output::text(format_args!(
        "{BOLD}Toolkeep{BOLD:#}: agents get tools, the keys stay in the keep.\n\
         {DIM}PagerDuty, simulated, at {}; MCP at {}; an API key for {} of {}.{DIM:#}",
        stage.simulator.base_url(),
        stage.running.url(),
        super::USER,
        super::TENANT,
    ))?;
    let mut client = Client::new(stage.running.url(), &stage.key)?;
    hello(&mut client).await?;
    critical(stage, &mut client).await?;
    on_call(stage, &mut client).await?;
    let number = create(stage, &mut client).await?;
    resolve(stage, &mut client, number).await?;
    attack(stage, &mut client).await?;
    records(stage)
}

async fn hello(client: &mut Client) -> Result<(), Failure> {
    heading(1, "The client says hello and asks what there is")?;
    let server = client.initialize().await?;
    let name = |field: &str| server.pointer(&format!("/serverInfo/{field}")).and_then(Value::as_str).unwrap_or("?");
    let listed = client.request("tools/list", json!({})).await?;
    let tools = rows::of(&listed.result, "tools");
    output::text(format_args!(
        "   {} {}: {} tools in {} bytes",
        printable(name("name")),
        printable(name("version")),
        tools.len(),
        listed.bytes
    ))?;
    for tool in tools {
        let writes = tool.pointer("/annotations/readOnlyHint") != Some(&Value::Bool(true));
        let kind = if writes { "writes" } else { "reads" };
        let name = tool.get("name").and_then(Value::as_str).unwrap_or("?");
        output::text(format_args!("   {DIM}{kind:>6}{DIM:#}  {}", printable(name)))?;
    }
    Ok(())
}

async fn critical(stage: &Stage, client: &mut Client) -> Result<(), Failure> {
    heading(2, "“What critical incidents are open, and which services are affected?”")?;
    let arguments = json!({ "status": "open", "priority": "P1" });
    let answer = ask(client, "pagerduty_incidents_list", &arguments).await?;
    let incidents = rows::of(&answer.structured, "incidents");
    for row in incidents {
        output::text(format_args!("   {GREEN}{}{GREEN:#}", rows::incident(row)))?;
    }
    let services: BTreeSet<&str> =
        incidents.iter().filter_map(|row| row.get("service").and_then(Value::as_str)).collect();
    let services: Vec<&str> = services.into_iter().collect();
    output::text(format_args!("   {} open; affected: {}", incidents.len(), printable(&services.join(", "))))?;
    if incidents.is_empty() {
        return Err(wrong("the simulator has open P1 incidents, and none was found"));
    }
    let exchanges = stage.exchanges.take();
    output::text(format_args!(
        "\n   The connector never holds the token. This is what it asked for, and what the host sent:"
    ))?;
    let shown = exchanges.iter().find(|exchange| exchange.asked.url.contains("/incidents"));
    let shown = shown.or(exchanges.first()).ok_or_else(|| wrong("no request went out"))?;
    output::text(exchanges::side_by_side(shown))?;
    for other in exchanges.iter().filter(|other| !std::ptr::eq(*other, shown)) {
        output::text(format_args!("   {DIM}also: {}{DIM:#}", exchanges::line(other)))?;
    }
    Ok(())
}

async fn on_call(stage: &Stage, client: &mut Client) -> Result<(), Failure> {
    heading(3, "“Who is on call for payment-service right now?”")?;
    let answer = ask(client, "pagerduty_oncalls_list", &json!({ "service": "payment-service" })).await?;
    for row in rows::of(&answer.structured, "oncalls") {
        output::text(format_args!("   {GREEN}{}{GREEN:#}", rows::on_call(row)))?;
    }
    told(stage)
}

async fn create(stage: &Stage, client: &mut Client) -> Result<u64, Failure> {
    heading(4, "“Open an incident: logins time out.”")?;
    let arguments = json!({ "title": "Logins time out for some users", "service": SERVICE, "urgency": "high" });
    let answer = ask(client, "pagerduty_incident_create", &arguments).await?;
    let incident = answer.structured.get("incident").unwrap_or(&Value::Null);
    output::text(format_args!("   {GREEN}{}{GREEN:#}", rows::incident(incident)))?;
    told(stage)?;
    incident.get("number").and_then(Value::as_u64).ok_or_else(|| wrong("the new incident has no number"))
}

async fn resolve(stage: &Stage, client: &mut Client, number: u64) -> Result<(), Failure> {
    heading(5, "“Resolve it: a stale connection pool, restarted.”")?;
    let arguments = json!({ "incident": number, "note": "A stale connection pool on one node; restarted it." });
    let answer = ask(client, "pagerduty_incident_resolve", &arguments).await?;
    let incident = answer.structured.get("incident").unwrap_or(&Value::Null);
    output::text(format_args!("   {GREEN}{}{GREEN:#}", rows::incident(incident)))?;
    let said = |name: &str| answer.structured.get(name).and_then(Value::as_bool) == Some(true);
    if !said("resolved") || !said("note_added") {
        return Err(wrong("the incident was not resolved with a note"));
    }
    output::text("   resolved, and the note is there")?;
    told(stage)
}

async fn attack(stage: &Stage, client: &mut Client) -> Result<(), Failure> {
    heading(6, "A connector's read tool tries to write, with the user's own valid token behind it")?;
    let Some(tool) = &stage.hostile else {
        return output::text(format_args!(
            "   {DIM}left out: give a hostile connector with --hostile FILE (cargo xtask demo does){DIM:#}"
        ));
    };
    let webhooks_before = stage.simulator.webhook_subscriptions();
    output::text(format_args!("   {DIM}tools/call {tool} {{}}{DIM:#}"))?;
    let answer = client.call(tool, &json!({})).await?;
    let exchanges = stage.exchanges.take();
    let refused = exchanges.iter().find(|exchange| exchange.refused.is_some());
    let refused = refused.ok_or_else(|| wrong("the hostile connector's request was not refused"))?;
    output::text(exchanges::side_by_side(refused))?;
    output::text(format_args!("   {RED}{}{RED:#}", printable(answer.text.lines().next().unwrap_or_default())))?;
    let got_through = exchanges.iter().any(|exchange| exchange.left && exchange.asked.method != "GET");
    if got_through || !answer.is_error || stage.simulator.webhook_subscriptions() != webhooks_before {
        return Err(wrong("the hostile connector got a write through"));
    }
    for other in exchanges.iter().filter(|other| other.left) {
        output::text(format_args!("   {DIM}declared, so it went out: {}{DIM:#}", exchanges::line(other)))?;
    }
    output::text(format_args!("   webhooks at PagerDuty before and after: {webhooks_before}"))
}

fn records(stage: &Stage) -> Result<(), Failure> {
    heading(7, "What the audit log holds of this, written before each answer was given")?;
    let query = Query { last: RECORDS_SHOWN, ..Query::default() };
    let records = stage.keep.audit.records(&query).map_err(|error| audit_failure(&error))?;
    output::text(audit::table(&records))
}

/// Calls a tool, and shows the call. A tool's error ends the demo.
async fn ask(client: &mut Client, tool: &str, arguments: &Value) -> Result<ToolAnswer, Failure> {
    output::text(format_args!("   {DIM}tools/call {tool} {arguments}{DIM:#}"))?;
    let started = Instant::now();
    let answer = client.call(tool, arguments).await?;
    if answer.is_error {
        return Err(wrong(&answer.text));
    }
    let took_ms = started.elapsed().as_secs_f64() * 1_000.0;
    output::text(format_args!("   {DIM}{} bytes in {took_ms:.1} ms{DIM:#}", answer.text.len()))?;
    Ok(answer)
}

/// One line for each request of the last step.
fn told(stage: &Stage) -> Result<(), Failure> {
    for exchange in stage.exchanges.take() {
        output::text(format_args!("   {DIM}{}{DIM:#}", exchanges::line(&exchange)))?;
    }
    Ok(())
}

fn heading(number: u8, text: &str) -> Result<(), Failure> {
    output::text(format_args!("\n{BOLD}{number}. {text}{BOLD:#}"))
}

fn wrong(what: &str) -> Failure {
    Failure::new(Exit::Failed, "demo_failed", printable(what))
}
