//! An answer, and reading JSON out of it.

use serde::de::DeserializeOwned;

use crate::context::Incoming;
use crate::request::Method;
use crate::{ToolError, error, json};

/// An answer of any status, with the request that it answers.
#[derive(Debug, Clone)]
pub struct Response {
    pub(crate) incoming: Incoming,
    pub(crate) method: Method,
    pub(crate) path: &'static str,
}

impl Response {
    /// HTTP status.
    pub fn status(&self) -> u16 {
        self.incoming.status
    }
    /// 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.incoming.status)
    }
    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.incoming.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
    /// The whole body.
    pub fn body(&self) -> &[u8] {
        &self.incoming.body
    }
    /// The method and path template that it answers, for error texts.
    pub fn request(&self) -> (Method, &'static str) {
        (self.method, self.path)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`ToolError::Unavailable`] if it is something else: a proxy's page, or an answer cut off. For a
    /// write the text says that the change may have been made.
    pub fn json<T: DeserializeOwned>(&self, title: &str) -> Result<T, ToolError> {
        json::read(&self.incoming.body).map_err(|fault| self.unreadable(title, &fault))
    }

    pub(crate) fn unreadable(&self, title: &str, fault: &json::Fault) -> ToolError {
        let kind = error::quote(self.header("content-type").unwrap_or("no content type"));
        let doubt = if self.method.writes() { " The change was probably made: look before repeating it." } else { "" };
        // The parser's own words may repeat a piece of the body, so only the place is told.
        let what =
            if fault.is_data { "JSON of another form than expected" } else { "something that is not whole JSON" };
        ToolError::Unavailable(format!(
            "{title} answered {} to {} {} with {what} ({kind}, {} bytes, fault at line {} column {}).{doubt}",
            self.incoming.status,
            self.method.name(),
            self.path,
            self.incoming.body.len(),
            fault.line,
            fault.column,
        ))
    }
}
