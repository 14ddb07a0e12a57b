//! Building a request: path parameters and query are percent-encoded here and nowhere else, and the
//! authority is always the declared base's, so an argument can never choose where a request goes.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::Outgoing;
use crate::{Context, Response, ToolError};

/// HTTP methods that a route can declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the method of its name")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// The method's name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
    /// Whether it may change something, so that a broken answer leaves doubt.
    pub const fn writes(self) -> bool {
        !matches!(self, Self::Get | Self::Head)
    }
}

/// A request being built; nothing happens until it is sent.
#[must_use = "a request does nothing until it is sent"]
pub struct Request<'a> {
    pub(crate) context: &'a mut Context,
    method: Method,
    path: &'static str,
    origin: Option<&'static str>,
    parameters: Vec<(&'static str, String)>,
    query: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    fault: Option<ToolError>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(context: &'a mut Context, method: Method, path: &'static str) -> Self {
        Self {
            context,
            method,
            path,
            origin: None,
            parameters: Vec::new(),
            query: String::new(),
            headers: Vec::new(),
            body: None,
            fault: None,
        }
    }

    /// Sends to another declared origin than the first.
    pub fn origin(mut self, name: &'static str) -> Self {
        self.origin = Some(name);
        self
    }

    /// Fills `{name}` of the path. A value that is empty, `.`, `..` or holds a slash or a control
    /// character is an invalid argument: it would mean another path than the one declared.
    pub fn path(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        let value = value.to_string();
        let misleads = value.is_empty()
            || value == "."
            || value == ".."
            || value.chars().any(|character| matches!(character, '/' | '\\') || character.is_control());
        if misleads {
            self.fault.get_or_insert_with(|| {
                ToolError::InvalidArguments(format!("{value:?} cannot be an identifier: it is empty or holds a slash."))
            });
        }
        self.parameters.push((name, value));
        self
    }

    /// Adds `name=value`. Use the name with its brackets for a set: `.query("statuses[]", …)` once each.
    pub fn query(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        push_pair(&mut self.query, name, &value.to_string());
        self
    }

    /// Adds `name=value` once for each value.
    pub fn queries<T: std::fmt::Display>(mut self, name: &str, values: impl IntoIterator<Item = T>) -> Self {
        for value in values {
            push_pair(&mut self.query, name, &value.to_string());
        }
        self
    }

    /// Sets a request header that the origin declares.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the body and its content type.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match crate::json::write(body) {
            Ok(json) => self.body = Some(json.into_bytes()),
            Err(error) => {
                let text = format!("The request cannot be written as JSON: {error}.");
                self.fault.get_or_insert(ToolError::Other(text));
            }
        }
        self
    }

    /// Sends it and reads a JSON answer of a successful status.
    ///
    /// # Errors
    /// What [`Request::send`] reports; [`ToolError::Unavailable`] if the answer is not the JSON expected.
    pub fn fetch<T: DeserializeOwned>(self) -> Result<T, ToolError> {
        let title = self.context.connector.title;
        self.send()?.json(title)
    }

    /// Sends it. An answer that is not 2xx is the error it means.
    ///
    /// # Errors
    /// See [`crate::error`] for which status means which error.
    pub fn send(self) -> Result<Response, ToolError> {
        let connector = self.context.connector;
        let response = self.send_raw()?;
        if response.is_success() { Ok(response) } else { Err(crate::error::explain(connector, &response)) }
    }

    /// Sends it and hands over the answer whatever its status, for tools that read errors themselves.
    ///
    /// # Errors
    /// When no whole answer came.
    pub fn send_raw(self) -> Result<Response, ToolError> {
        let Parts { context, outgoing, path } = self.into_parts()?;
        transmit(context, &outgoing, path)
    }

    pub(crate) fn into_parts(self) -> Result<Parts<'a>, ToolError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let origin = match self.origin {
            Some(name) => self.context.connector.origins.iter().find(|origin| origin.name == name),
            None => self.context.connector.origins.first(),
        };
        let Some(origin) = origin else {
            return Err(ToolError::Other("The connector sends to an origin that it does not declare.".into()));
        };
        let mut path_with_query = fill(self.path, &self.parameters);
        if !self.query.is_empty() {
            path_with_query.push('?');
            path_with_query.push_str(&self.query);
        }
        let mut headers = self.headers;
        headers.push(("accept", origin.accept.to_owned()));
        if self.body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        let authority = origin.base.strip_prefix("https://").unwrap_or(origin.base).to_owned();
        let outgoing = Outgoing { method: self.method, authority, path_with_query, headers, body: self.body };
        Ok(Parts { context: self.context, outgoing, path: self.path })
    }
}

/// A request ready to go, still tied to its context.
pub(crate) struct Parts<'a> {
    pub(crate) context: &'a mut Context,
    pub(crate) outgoing: Outgoing,
    pub(crate) path: &'static str,
}

/// Sends exactly once: nothing in this crate repeats a request by itself.
pub(crate) fn transmit(context: &mut Context, outgoing: &Outgoing, path: &'static str) -> Result<Response, ToolError> {
    match context.environment.send(outgoing) {
        Ok(incoming) => Ok(Response { incoming, method: outgoing.method, path }),
        Err(error) => Err(crate::error::unsent(context.connector, outgoing.method, path, &error)),
    }
}

/// Fills a path template. A parameter that was not given stays in braces, which no route matches.
fn fill(template: &str, parameters: &[(&str, String)]) -> String {
    let mut path = String::with_capacity(template.len() + 16);
    for segment in template.split('/').skip(1) {
        path.push('/');
        let value = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            .and_then(|name| parameters.iter().find(|(given, _)| *given == name));
        match value {
            Some((_, value)) => percent_encode(&mut path, value),
            None => path.push_str(segment),
        }
    }
    path
}

pub(crate) fn push_pair(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    percent_encode(query, name);
    query.push('=');
    percent_encode(query, value);
}

/// Everything but the unreserved characters of RFC 3986, section 2.3, is encoded.
fn percent_encode(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.push(HEX.get(usize::from(nibble)).map_or('0', |digit| char::from(*digit)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_by_whole_encoded_segments() {
        let parameters = [("id", "A b?c#%é".to_owned())];
        assert_eq!(fill("/incidents/{id}/notes", &parameters), "/incidents/A%20b%3Fc%23%25%C3%A9/notes");
        assert_eq!(fill("/incidents/{other}", &parameters), "/incidents/{other}");
    }

    #[test]
    fn sets_repeat_their_bracketed_name() {
        let mut query = String::new();
        push_pair(&mut query, "statuses[]", "triggered");
        push_pair(&mut query, "statuses[]", "a&b=c+d");
        assert_eq!(query, "statuses%5B%5D=triggered&statuses%5B%5D=a%26b%3Dc%2Bd");
    }
}
