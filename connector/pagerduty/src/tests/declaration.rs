//! What the connector says about itself, against the contract's limits and the page's promise.

use serde_json::{Value, json};
use toolkeep_connector::Access;

use crate::PAGERDUTY;

fn schema(tool: &str) -> Value {
    serde_json::from_str(&(PAGERDUTY.tool(tool).unwrap().handler.input)()).unwrap()
}

#[test]
fn the_six_tools_stand_in_the_order_of_the_page() {
    let names: Vec<_> = PAGERDUTY.tools.iter().map(|tool| tool.name).collect();
    assert_eq!(
        names,
        [
            "pagerduty_incidents_list",
            "pagerduty_incident_get",
            "pagerduty_incident_create",
            "pagerduty_incident_resolve",
            "pagerduty_services_list",
            "pagerduty_oncalls_list"
        ]
    );
}

#[test]
fn the_list_of_tools_fits_into_eight_thousand_bytes() {
    let tools: Vec<Value> = PAGERDUTY
        .describe()
        .tools
        .iter()
        .map(|tool| {
            let schema: Value = serde_json::from_str(&tool.input_schema).unwrap();
            json!({
                "name": tool.name, "title": tool.title, "description": tool.description, "inputSchema": schema,
                "annotations": {"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": true},
            })
        })
        .collect();
    let size = json!({"tools": tools}).to_string().len();
    assert!(size <= 8_000, "{size} bytes");
}

#[test]
fn every_text_keeps_the_contracts_limits() {
    let connector = PAGERDUTY.describe();
    assert!(connector.description.len() <= 1_024);
    for tool in &connector.tools {
        assert!(tool.description.len() <= 1_024 && tool.title.len() <= 64, "{}", tool.name);
        assert!(tool.input_schema.len() <= 16 * 1_024 && tool.routes.len() <= 32, "{}", tool.name);
        assert!(tool.routes.iter().all(|route| route.origin == "api"), "{}", tool.name);
    }
    for prompt in &connector.prompts {
        assert!(prompt.text.len() <= 2_048, "{}", prompt.name);
        for argument in &prompt.arguments {
            assert!(prompt.text.contains(&format!("{{{}}}", argument.name)), "{}", prompt.name);
        }
        assert!(connector.tools.iter().any(|tool| prompt.text.contains(&tool.name)), "{} names no tool", prompt.name);
    }
    // A gap at the end of a line shows when it is empty; the last one cannot be closed by what stands in it.
    for prompt in PAGERDUTY.prompts.iter().filter(|prompt| !prompt.arguments.is_empty()) {
        assert!(prompt.arguments.iter().all(|argument| argument.required), "{}", prompt.name);
        let last = prompt.arguments.last().unwrap().name;
        assert!(prompt.text.ends_with(&format!(": {{{last}}}")), "{}", prompt.name);
        for argument in prompt.arguments {
            assert_eq!(prompt.text.matches(&format!(": {{{}}}", argument.name)).count(), 1, "{}", prompt.name);
            assert_eq!(prompt.text.matches(&format!("{{{}}}", argument.name)).count(), 1, "{}", prompt.name);
        }
    }
    let over_an_hour = PAGERDUTY.prompts.iter().find(|prompt| prompt.name == "open_over_an_hour").unwrap();
    assert!(over_an_hour.text.contains("limit=100"));
    for credential in &connector.credentials {
        if let toolkeep_connector::bindings::toolkeep::connector::types::CredentialKind::ApiKey(text) = &credential.kind
        {
            assert!(text.len() <= 256);
        }
    }
}

#[test]
fn a_tool_that_reads_declares_only_reads() {
    for (tool, said) in PAGERDUTY.tools.iter().zip(PAGERDUTY.describe().tools) {
        let reads = said.routes.iter().all(|route| route.method == "GET");
        assert_eq!(reads, matches!(tool.access, Access::Read), "{}", tool.name);
    }
}

#[test]
fn the_schema_has_the_pages_words_and_the_other_vocabulary() {
    let list = schema("pagerduty_incidents_list");
    assert_eq!(list["type"], "object");
    assert_eq!(list["additionalProperties"], false);
    assert!(list.get("required").is_none() && list.get("$schema").is_none() && list.get("title").is_none());
    for (name, kind) in [
        ("status", "string"),
        ("urgency", "string"),
        ("limit", "integer"),
        ("statuses", "string"),
        ("service_ids", "string"),
    ] {
        assert_eq!(list["properties"][name]["type"], kind, "{name}");
    }
    assert_eq!(
        list["properties"]["limit"],
        json!({"type": "integer", "minimum": 1, "maximum": 100, "description": "Rows to show, 1 to 100. Default 25."})
    );
    let resolve = schema("pagerduty_incident_resolve");
    let incident = &resolve["properties"]["incident"];
    assert_eq!(incident["anyOf"], json!([{"type": "string"}, {"type": "integer"}]));
    assert!(incident.get("type").is_none(), "some clients know no list of types");
    assert_eq!(schema("pagerduty_incident_get")["properties"]["limit"]["maximum"], 200);
    assert_eq!(list["properties"]["offset"], json!({"type": "integer", "minimum": 0, "description": "Rows to skip."}));
    assert_eq!(resolve["properties"]["from_email"]["type"], "string");
    assert_eq!(schema("pagerduty_incident_create")["required"], json!(["title"]));
}
