//! What a guest gives back, checked before anyone sees it: sizes, JSON, schema, characters.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;
use toolkeep_audit::CallId;
use toolkeep_vault::Account;

use crate::bindings::toolkeep::connector::types as wit;
use crate::description::Tool;
use crate::error::{CallError, ToolError};
use crate::gate::Gate;
use crate::text::{clean, clean_escapes, clean_line};

/// Longest text of a tool's own error, in bytes: a few sentences, or a list of candidates.
const MAX_ERROR_BYTES: usize = 8 << 10;
/// Longest field of an account, in bytes.
const MAX_ACCOUNT_FIELD_BYTES: usize = 320;
/// Most parts of other content in one answer.
const MAX_PARTS: usize = 64;
/// Most arrays and objects inside each other in a structured answer: what common parsers of JSON take, callers'
/// among them.
const MAX_DEPTH: usize = 128;
/// Bytes of which brackets are counted in one byte, which cannot overflow: the processor does many at a time.
const COUNTED_BYTES: usize = 128;

/// A tool's answer. It exists only after its outcome was recorded.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The structured object, as the connector wrote it.
    pub structured: Option<Box<RawValue>>,
    /// Other content.
    pub content: Vec<Content>,
    /// The call's ID in the audit log.
    pub call: CallId,
    /// From the durable intent to the guest's answer.
    pub duration: Duration,
}

/// A part of an answer besides the structured object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "WIT `content` documents each case")]
pub enum Content {
    Text(String),
    Image { mime_type: String, data: Vec<u8> },
    Audio { mime_type: String, data: Vec<u8> },
    Attachment { uri: String, mime_type: String, data: Vec<u8> },
}

/// Every piece of text or bytes in what the guest returned, as it returned it.
pub(super) fn raw_parts(output: &wit::Output) -> Vec<&[u8]> {
    let mut parts: Vec<&[u8]> = output.structured.iter().map(String::as_bytes).collect();
    for content in &output.content {
        match content {
            wit::Content::Text(text) => parts.push(text.as_bytes()),
            wit::Content::Image(blob) | wit::Content::Audio(blob) => {
                parts.extend([blob.mime_type.as_bytes(), &blob.data])
            }
            wit::Content::Attachment((uri, blob)) => {
                parts.extend([uri.as_bytes(), blob.mime_type.as_bytes(), &blob.data]);
            }
        }
    }
    parts
}

/// Whether a JSON text is nested deeper than [`MAX_DEPTH`]. The text must be valid JSON.
fn is_too_deep(json: &str) -> bool {
    // Most answers have fewer brackets than that in all, and counting them is quick.
    let opens =
        |block: &[u8]| block.iter().fold(0_u8, |opens, byte| opens.wrapping_add(u8::from(matches!(byte, b'[' | b'{'))));
    let brackets = json.as_bytes().chunks(COUNTED_BYTES).map(opens).map(usize::from).sum::<usize>();
    brackets > MAX_DEPTH && depth(json) > MAX_DEPTH
}

/// How deep a JSON text is nested. The text must be valid JSON.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A checked answer whose outcome is not recorded yet.
pub(super) struct Body {
    structured: Option<Box<RawValue>>,
    content: Vec<Content>,
}

impl Body {
    /// Checks what the guest returned.
    pub(super) fn check(output: wit::Output, tool: &Tool, limit: usize) -> Result<Self, CallError> {
        let invalid = |reason: String| CallError::AnswerInvalid { tool: tool.name.clone(), reason };
        if output.content.len() > MAX_PARTS {
            return Err(invalid(format!("it has {} parts; at most {MAX_PARTS} are taken", output.content.len())));
        }
        let content: Vec<Content> = output.content.into_iter().map(Content::from).collect();
        let bytes = output.structured.as_ref().map_or(0, String::len)
            + content.iter().flat_map(Content::parts).map(<[u8]>::len).sum::<usize>();
        if bytes > limit {
            return Err(CallError::LimitReached {
                tool: tool.name.clone(),
                limit: format!("{limit} bytes of answer"),
                code: "result_too_large",
            });
        }
        let structured = match output.structured {
            None => None,
            Some(text) => {
                let raw = RawValue::from_string(text)
                    .map_err(|error| invalid(format!("its structured part is not JSON: {error}")))?;
                if !raw.get().trim_start().starts_with('{') {
                    return Err(invalid("its structured part is not an object".to_owned()));
                }
                if is_too_deep(raw.get()) {
                    return Err(invalid(format!("its structured part is nested more than {MAX_DEPTH} deep")));
                }
                Some(clean_structured(raw).map_err(|error| invalid(error.to_string()))?)
            }
        };
        if let Some(schema) = &tool.output {
            let raw = structured
                .as_ref()
                .ok_or_else(|| invalid("it declares a schema and gives no structured part".to_owned()))?;
            let value: Value = serde_json::from_str(raw.get()).map_err(|error| invalid(error.to_string()))?;
            if let Err(violations) = schema.check(&value) {
                let first = violations.first().map(ToString::to_string).unwrap_or_default();
                return Err(invalid(format!("it breaks its own schema: {first}")));
            }
        }
        Ok(Self { structured, content })
    }

    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.structured.iter().map(|raw| raw.get().as_bytes()).chain(self.content.iter().flat_map(Content::parts))
    }

    /// The text that the audit log keeps a digest of: the structured part, else all text parts.
    pub(super) fn digestible(&self) -> Cow<'_, str> {
        match &self.structured {
            Some(raw) => Cow::Borrowed(raw.get()),
            None => {
                self.content.iter().flat_map(Content::parts).map(String::from_utf8_lossy).collect::<String>().into()
            }
        }
    }

    /// Size of all parts, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.parts().map(<[u8]>::len).sum()
    }

    pub(super) fn into_answer(self, call: CallId, duration: Duration) -> Answer {
        Answer { structured: self.structured, content: self.content, call, duration }
    }
}

impl Content {
    fn parts(&self) -> Vec<&[u8]> {
        match self {
            Self::Text(text) => vec![text.as_bytes()],
            Self::Image { mime_type, data } | Self::Audio { mime_type, data } => vec![mime_type.as_bytes(), data],
            Self::Attachment { uri, mime_type, data } => vec![uri.as_bytes(), mime_type.as_bytes(), data],
        }
    }
}

impl From<wit::Content> for Content {
    fn from(content: wit::Content) -> Self {
        let kind = |text: &str| clean_line(text, 128);
        match content {
            wit::Content::Text(text) => Self::Text(clean(&text, usize::MAX)),
            wit::Content::Image(blob) => Self::Image { mime_type: kind(&blob.mime_type), data: blob.data },
            wit::Content::Audio(blob) => Self::Audio { mime_type: kind(&blob.mime_type), data: blob.data },
            wit::Content::Attachment((uri, blob)) => {
                Self::Attachment { uri: clean_line(&uri, 2_048), mime_type: kind(&blob.mime_type), data: blob.data }
            }
        }
    }
}

/// All text of an error, to be looked through before any of it is cut.
pub(super) fn tool_error_text(error: &wit::ToolError) -> &str {
    match error {
        wit::ToolError::InvalidArguments(text)
        | wit::ToolError::NotFound(text)
        | wit::ToolError::Ambiguous(text)
        | wit::ToolError::Conflict(text)
        | wit::ToolError::Unauthenticated(text)
        | wit::ToolError::Forbidden(text)
        | wit::ToolError::Unavailable(text)
        | wit::ToolError::Partial(text)
        | wit::ToolError::Other(text) => text,
        wit::ToolError::RateLimited(_) => "",
    }
}

/// An error in the connector's words, bounded and clean.
pub(super) fn check_tool_error(error: wit::ToolError) -> ToolError {
    let text = |text: String| clean(&text, MAX_ERROR_BYTES);
    let json = |text: String| {
        if text.len() > MAX_ERROR_BYTES {
            return Value::String(clean(&text, MAX_ERROR_BYTES));
        }
        serde_json::from_str(&text).map_or_else(|_| Value::String(clean(&text, MAX_ERROR_BYTES)), clean_json)
    };
    match error {
        wit::ToolError::InvalidArguments(said) => ToolError::InvalidArguments(text(said)),
        wit::ToolError::NotFound(said) => ToolError::NotFound(text(said)),
        wit::ToolError::Ambiguous(said) => ToolError::Ambiguous(json(said)),
        wit::ToolError::Conflict(said) => ToolError::Conflict(text(said)),
        wit::ToolError::Unauthenticated(said) => ToolError::Unauthenticated(text(said)),
        wit::ToolError::Forbidden(said) => ToolError::Forbidden(text(said)),
        wit::ToolError::RateLimited(retry_after_s) => ToolError::RateLimited { retry_after_s },
        wit::ToolError::Unavailable(said) => ToolError::Unavailable(text(said)),
        wit::ToolError::Partial(said) => ToolError::Partial(json(said)),
        wit::ToolError::Other(said) => ToolError::Other(text(said)),
    }
}

/// The object without unsafe characters. Most answers have none, neither as they are nor as escapes, and are
/// given on as they came.
fn clean_structured(raw: Box<RawValue>) -> serde_json::Result<Box<RawValue>> {
    match clean_escapes(raw.get()) {
        None => Ok(raw),
        Some(text) => RawValue::from_string(text),
    }
}

/// The value with every string in it cleaned, names of members too.
fn clean_json(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean(&text, usize::MAX)),
        Value::Array(items) => items.into_iter().map(clean_json).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (clean(&name, usize::MAX), clean_json(value))).collect()
        }
        other => other,
    }
}

/// An account as the upstream says, bounded; it goes into headers, so control characters are refused.
pub(super) fn check_account(account: wit::Account, gate: &Gate) -> Result<Account, CallError> {
    let fields = [Some(&account.id), Some(&account.name), account.email.as_ref(), account.time_zone.as_ref()];
    for field in fields.into_iter().flatten() {
        if field.len() > MAX_ACCOUNT_FIELD_BYTES || field.chars().any(char::is_control) {
            return Err(CallError::AnswerInvalid {
                tool: "identify".to_owned(),
                reason: "a field of the account is too long or holds control characters".to_owned(),
            });
        }
        if let Some(form) = gate.secret_form(field.as_bytes()) {
            return Err(CallError::CredentialReflected { tool: "identify".to_owned(), form });
        }
    }
    Ok(Account { id: account.id, name: account.name, email: account.email, time_zone: account.time_zone })
}
