//! A call's outcome in the protocol's form.
//!
//! An unknown tool is a protocol error (-32602). Everything else that goes wrong is a result with
//! `isError`, because a model reads results and can correct itself, while clients show it protocol errors
//! as a blank wall.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ContentBlock, JsonObject, MetaObject, ResourceContents};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use toolkeep_host::{Answer, CallError, Content};

use super::bypass::Bypass;

/// The `_meta` key of an error's machine-readable part, where `structuredContent` is promised to a schema.
const ERROR_META_KEY: &str = "toolkeep/error";

/// The result of a call that worked. With a bypass, a structured answer that comes alone is left there.
pub(crate) fn success(answer: Answer, bypass: Option<&Bypass>) -> Result<CallToolResult, ErrorData> {
    let Answer { structured, content, .. } = answer;
    result(structured, content, bypass)
}

pub(super) fn result(
    structured: Option<Box<RawValue>>,
    content: Vec<Content>,
    bypass: Option<&Bypass>,
) -> Result<CallToolResult, ErrorData> {
    let mut result = CallToolResult::default();
    result.content = content.into_iter().map(translate).collect();
    if let Some(raw) = structured {
        if let Some(bypass) = bypass.filter(|_| result.content.is_empty()) {
            bypass.leave(raw);
            return Ok(result);
        }
        let value: Value = serde_json::from_str(raw.get())
            .map_err(|error| ErrorData::internal_error(format!("the structured answer is not JSON: {error}"), None))?;
        // Clients before 2025-06-18 know no structured content, and models of later ones often see only text.
        if result.content.is_empty() {
            result.content.push(ContentBlock::text(Box::<str>::from(raw)));
        }
        result.structured_content = Some(value);
    }
    Ok(result)
}

/// The result of a call that did not.
///
/// `schema_promised`: the tool has an output schema. Clients check `structuredContent` against it even where
/// `isError` is set, so the machine-readable part then goes into `_meta`.
pub(crate) fn failure(error: &CallError, schema_promised: bool) -> Result<CallToolResult, ErrorData> {
    let (code, message, details) = (error.code(), error.public_message(), error.details());
    if error.is_protocol_error() {
        return Err(ErrorData::invalid_params(message, Some(json!({ "code": code }))));
    }
    let mut text = format!("{code}: {message}");
    // What a connector said beside its message (candidates, what was done) is for the model too. The host's
    // own messages hold all of it already.
    if let (CallError::Tool { .. }, Some(details)) = (error, &details) {
        text.push('\n');
        text.push_str(&details.to_string());
    }
    let mut result = CallToolResult::error(vec![ContentBlock::text(text)]);
    let error = error_object(code, &message, details);
    if schema_promised {
        let mut meta = JsonObject::new();
        meta.insert(ERROR_META_KEY.to_owned(), error);
        result.meta = Some(MetaObject::from(meta));
    } else {
        result.structured_content = Some(json!({ "error": error }));
    }
    Ok(result)
}

fn error_object(code: &str, message: &str, details: Option<Value>) -> Value {
    match details {
        Some(details) => json!({ "code": code, "message": message, "details": details }),
        None => json!({ "code": code, "message": message }),
    }
}

fn translate(content: Content) -> ContentBlock {
    match content {
        Content::Text(text) => ContentBlock::text(text),
        Content::Image { mime_type, data } => ContentBlock::image(BASE64_STANDARD.encode(data), mime_type),
        Content::Audio { mime_type, data } => ContentBlock::audio(BASE64_STANDARD.encode(data), mime_type),
        Content::Attachment { uri, mime_type, data } => ContentBlock::resource(match String::from_utf8(data) {
            Ok(text) if mime_type.starts_with("text/") || mime_type == "application/json" => {
                ResourceContents::text(text, uri).with_mime_type(mime_type)
            }
            Ok(text) => ResourceContents::blob(BASE64_STANDARD.encode(text), uri).with_mime_type(mime_type),
            Err(bytes) => {
                ResourceContents::blob(BASE64_STANDARD.encode(bytes.into_bytes()), uri).with_mime_type(mime_type)
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what failed by panicking")]
    use super::*;
    use toolkeep_host::{ToolError, Violation};

    fn arguments_too_large() -> CallError {
        CallError::ArgumentsTooLarge { bytes: 300_000, limit: 262_144 }
    }

    #[test]
    fn an_unknown_tool_is_a_protocol_error() {
        let error = failure(&CallError::UnknownTool("x".to_owned()), false).unwrap_err();
        assert_eq!(error.code.0, -32602);
        assert_eq!(error.data.unwrap()["code"], "unknown_tool");
    }

    #[test]
    fn any_other_error_is_a_result_that_a_model_can_read() {
        let result = serde_json::to_value(failure(&arguments_too_large(), false).unwrap()).unwrap();
        assert_eq!(result["isError"], true);
        assert!(result["content"][0]["text"].as_str().unwrap().starts_with("arguments_too_large: "));
        assert_eq!(result["structuredContent"]["error"]["code"], "arguments_too_large");
        assert!(result["structuredContent"]["error"].get("details").is_none());
    }

    #[test]
    fn a_model_reads_the_candidates_and_no_violation_twice() {
        let text = |error: &CallError| {
            let result = serde_json::to_value(failure(error, false).unwrap()).unwrap();
            result["content"][0]["text"].as_str().unwrap().to_owned()
        };
        let candidates = json!({ "message": "Which one?", "candidates": [{ "id": "P1" }, { "id": "P2" }] });
        let ambiguous = CallError::Tool { tool: "t".to_owned(), error: ToolError::Ambiguous(candidates) };
        assert!(text(&ambiguous).starts_with("ambiguous: Which one?\n{"), "{}", text(&ambiguous));
        assert!(text(&ambiguous).contains("\"P2\""));
        let violations = vec![Violation { path: "/limit".to_owned(), message: "is no integer".to_owned() }];
        let invalid = text(&CallError::InvalidArguments { tool: "t".to_owned(), violations });
        assert_eq!(invalid.matches("is no integer").count(), 1, "{invalid}");
    }

    #[test]
    fn a_promised_schema_is_kept_by_errors_too() {
        let result = serde_json::to_value(failure(&arguments_too_large(), true).unwrap()).unwrap();
        assert!(result.get("structuredContent").is_none());
        assert_eq!(result["_meta"]["toolkeep/error"]["code"], "arguments_too_large");
    }

    #[test]
    fn attachments_that_are_text_travel_as_text() {
        let attachment = |mime_type: &str, data: &[u8]| {
            let content =
                Content::Attachment { uri: "x://y".to_owned(), mime_type: mime_type.to_owned(), data: data.to_vec() };
            serde_json::to_value(translate(content)).unwrap()
        };
        assert_eq!(attachment("text/csv", b"a,b")["resource"]["text"], "a,b");
        assert_eq!(attachment("application/zip", b"ab")["resource"]["blob"], "YWI=");
        assert_eq!(attachment("text/plain", &[0xff])["resource"]["blob"], "/w==");
    }
}
