//! `toolkeep tools`: what the loaded connectors offer.

use serde_json::{Value, json};
use toolkeep_host::Tool;

use crate::cli::{Global, Tools};
use crate::failure::Failure;
use crate::keep::Keep;
use crate::output::{self, printable};

/// Runs the command.
///
/// # Errors
/// It cannot start.
pub(crate) async fn run(global: &Global, options: Tools) -> Result<(), Failure> {
    let host = Keep::open_to_look(global)?.host(global, None).await?;
    let connectors = host.connectors();
    let tools = connectors.iter().flat_map(|connector| &connector.description.tools);
    if options.json {
        for tool in tools {
            output::json(&with_connector(tool)?)?;
        }
        return Ok(());
    }
    let mut table = output::table(["TOOL", "ACCESS", "ARGUMENTS", "WHAT IT DOES"]);
    for tool in tools {
        table.add_row([
            tool.name.clone(),
            tool.access.to_string(),
            printable(&argument_names(&tool.input_schema)),
            printable(&first_sentence(&tool.description)),
        ]);
    }
    output::text(table)
}

fn with_connector(tool: &Tool) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(tool).map_err(|error| Failure::internal(error.to_string()))?;
    if let Some(object) = value.as_object_mut() {
        object.insert("connector".to_owned(), json!(tool.connector));
    }
    Ok(value)
}

/// The names of a schema's properties; what may be left out is in brackets.
pub(crate) fn argument_names(schema: &Value) -> String {
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let names = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|names| names.keys());
    names
        .map(|name| if required.contains(&name.as_str()) { name.clone() } else { format!("[{name}]") })
        .collect::<Vec<_>>()
        .join(" ")
}

fn first_sentence(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.find(". ").and_then(|end| line.get(..=end)).unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_arguments_stand_in_brackets() {
        let schema = json!({ "properties": { "incident": {}, "note": {} }, "required": ["incident"] });
        assert_eq!(argument_names(&schema), "incident [note]");
        assert_eq!(argument_names(&json!({ "type": "object" })), "");
    }

    #[test]
    fn a_table_shows_the_first_sentence() {
        assert_eq!(first_sentence("Lists incidents. Use it when …"), "Lists incidents.");
        assert_eq!(first_sentence("One line\nmore"), "One line");
    }
}
