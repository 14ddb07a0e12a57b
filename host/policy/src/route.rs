//! Routes: the kinds of request that a tool declared, and whether a target is one of them.

use std::fmt;
use std::sync::Arc;

use crate::target::Target;
use crate::text::is_unsafe_in_name;

/// Longest path template, in bytes (WIT `route.path`).
pub const MAX_TEMPLATE_BYTES: usize = 256;

/// Most parameters of one template: upstream paths have up to four. With [`MAX_PARAMETER_BYTES`] this bounds a
/// record of one request.
pub const MAX_PARAMETERS: usize = 8;

/// Longest path parameter that an audit record keeps, in bytes. Upstream IDs are far shorter.
pub const MAX_PARAMETER_BYTES: usize = 128;

/// The HTTP methods that a route may name (WIT `route.method`). `CONNECT` and `TRACE` change what a request
/// is, so no connector may use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "RFC 9110 and RFC 5789 define each")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// Reads an upper-case method name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            _ => return None,
        })
    }

    /// The upper-case name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether the method is defined to change nothing (RFC 9110, section 9.2.1).
    #[must_use]
    pub fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is not a path template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{template}` is not a path template: {reason}")]
pub struct TemplateError {
    /// A stranger's text, which may hold terminal codes: the characters that deceive are replaced.
    template: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Segment {
    Literal(String),
    /// `{name}`, or `{name}:verb` for a custom method of one thing (AIP-136).
    Parameter {
        name: String,
        verb: Option<String>,
    },
}

impl Segment {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let word = |s: &str| {
            !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'~'))
        };
        if text == "." || text == ".." {
            return Err("it holds a dot segment");
        }
        if let Some((name, after)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            if !word(name) {
                return Err("a parameter's name may hold letters, digits, `_`, `-`, `.`, `~`");
            }
            let verb = match after.strip_prefix(':') {
                Some(verb) if word(verb) => Some(verb.to_owned()),
                None if after.is_empty() => None,
                _ => return Err("after a parameter stands nothing, or `:` and a word"),
            };
            return Ok(Self::Parameter { name: name.to_owned(), verb });
        }
        if !text.split(':').all(word) {
            return Err("a segment is words with `:` between them, `{name}` or `{name}:word`");
        }
        Ok(Self::Literal(text.to_owned()))
    }

    /// The name, of a parameter.
    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter { name, .. } => Some(name),
        }
    }
}

/// A path template such as `/incidents/{id}/notes`, `/things:search` or `/things/{id}:undelete`. Clones share it:
/// every call has its tool's, and every decision the one that allowed it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathTemplate {
    text: Arc<str>,
    segments: Arc<[Segment]>,
}

impl PathTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`] where it is too long, does not begin with `/`, has an empty or dot segment, a
    /// segment that is neither words of unreserved characters with `:` between them, nor one `{name}`, alone or
    /// followed by `:` and a word, or a name twice.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let shown = |c: char| if is_unsafe_in_name(c) { char::REPLACEMENT_CHARACTER } else { c };
        let fail =
            |reason| TemplateError { template: text.chars().take(MAX_TEMPLATE_BYTES).map(shown).collect(), reason };
        if text.len() > MAX_TEMPLATE_BYTES {
            return Err(fail("it has more than 256 bytes"));
        }
        let inner = text.strip_prefix('/').ok_or_else(|| fail("it does not begin with a slash"))?;
        let mut segments = Vec::new();
        if !inner.is_empty() {
            for segment in inner.split('/') {
                let segment = Segment::parse(segment).map_err(fail)?;
                // Two values of one name would be one in a record.
                if segment.name().is_some() && segments.iter().any(|known: &Segment| known.name() == segment.name()) {
                    return Err(fail("two of its parameters have one name"));
                }
                segments.push(segment);
            }
        }
        if segments.iter().filter(|segment| segment.name().is_some()).count() > MAX_PARAMETERS {
            return Err(fail("it has more than 8 parameters"));
        }
        Ok(Self { text: text.into(), segments: segments.into() })
    }

    /// The template as declared.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The parameters, name and value, if the target's path fits. Values are as they stand in the URL, cut at
    /// [`MAX_PARAMETER_BYTES`].
    ///
    /// No value holds a `:`: servers read what follows one as another operation on the same thing (AIP-136), and
    /// a route is of one operation. A value that is meant to hold one has it encoded.
    #[must_use]
    pub fn matches(&self, target: &Target) -> Option<Vec<(String, String)>> {
        let mut parameters = Vec::new();
        let mut actual = target.segments();
        for segment in self.segments.iter() {
            let value = actual.next()?;
            match segment {
                Segment::Literal(word) if word == value => {}
                Segment::Literal(_) => return None,
                Segment::Parameter { name, verb } => {
                    let value = match verb {
                        Some(verb) => value.strip_suffix(verb.as_str())?.strip_suffix(':')?,
                        None => value,
                    };
                    if value.is_empty() || value.contains(':') {
                        return None;
                    }
                    parameters.push((name.clone(), value.chars().take(MAX_PARAMETER_BYTES).collect()));
                }
            }
        }
        actual.next().is_none().then_some(parameters)
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// One declared kind of request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The name of the declared origin.
    pub origin: String,
    /// The path template.
    pub path: PathTemplate,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}:{}", self.method, self.origin, self.path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    fn target(path: &str) -> Target {
        Target::parse(&format!("https://api.example.com{path}")).unwrap()
    }

    #[test]
    fn a_parameter_is_exactly_one_segment() {
        let template = PathTemplate::parse("/incidents/{id}/notes").unwrap();
        assert_eq!(template.matches(&target("/incidents/P1/notes")).unwrap(), [("id".to_owned(), "P1".to_owned())]);
        for other in ["/incidents/notes", "/incidents/P1/notes/N1", "/incidents/P1/x/notes", "/Incidents/P1/notes", "/"]
        {
            assert!(template.matches(&target(other)).is_none(), "{other}");
        }
    }

    #[test]
    fn an_operation_behind_a_colon_is_another_operation() {
        let thing = PathTemplate::parse("/things/{id}").unwrap();
        for other in ["/things/x:undelete", "/things/:undelete", "/things/x:", "/things/:", "/things/x:a:b"] {
            assert!(thing.matches(&target(other)).is_none(), "{other}");
        }
        assert_eq!(thing.matches(&target("/things/x%3Ay")).unwrap(), [("id".to_owned(), "x%3Ay".to_owned())]);

        let undelete = PathTemplate::parse("/things/{id}:undelete").unwrap();
        assert_eq!(undelete.matches(&target("/things/x:undelete")).unwrap(), [("id".to_owned(), "x".to_owned())]);
        for other in [
            "/things/x",
            "/things/x:purge",
            "/things/xundelete",
            "/things/:undelete",
            "/things/y:purge:undelete",
            "/things/x:undelete:undelete",
            "/things/x:undelete/z",
        ] {
            assert!(undelete.matches(&target(other)).is_none(), "{other}");
        }
        let search = PathTemplate::parse("/things:search").unwrap();
        assert!(search.matches(&target("/things:search")).is_some());
        assert!(search.matches(&target("/things")).is_none());
    }

    #[test]
    fn malformed_templates_are_refused() {
        for bad in [
            "",
            "incidents",
            "/a//b",
            "/a/",
            "/{",
            "/{}",
            "/a{b}",
            "/..",
            "/a?b",
            "/a%20b",
            "/{a}{b}",
            "/{a}:{b}",
            "/{a}:",
            "/{a}:b:c",
            "/{a}b",
            "/b:{a}",
            "/:a",
            "/a:",
            "/a::b",
            "/{a}/x/{a}",
            "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}",
        ] {
            assert!(PathTemplate::parse(bad).is_err(), "{bad}");
        }
        assert!(PathTemplate::parse("/").unwrap().matches(&target("/")).is_some());
        let shown = PathTemplate::parse("/\u{1b}[2J\u{202E}").unwrap_err().to_string();
        assert!(!shown.chars().any(crate::text::is_unsafe), "{shown:?}");
    }
}
