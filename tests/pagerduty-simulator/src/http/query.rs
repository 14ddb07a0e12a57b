//! Query parameters as PagerDuty reads them: sets are `name[]`, anything unknown is ignored in silence.

use super::error::ApiError;
use crate::clock::Zone;

/// Rows of a page when nothing is said.
const DEFAULT_LIMIT: usize = 25;
/// Most rows of a page; more is quietly brought down to this.
const MAX_LIMIT: usize = 100;
/// Classic paging ends here, whatever the number of rows.
const MAX_REACH: usize = 10_000;

/// The decoded parameters, in the order they came.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Query {
        Query(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The last value of a plain parameter; an empty one counts as absent.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// All values of a set; its name ends in `[]`.
    pub(crate) fn set(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.one(name) == Some("true")
    }

    /// Whether `include[]` names this.
    pub(crate) fn includes(&self, name: &str) -> bool {
        self.0.iter().any(|(key, value)| key == "include[]" && value == name)
    }

    /// The zone that `time_zone` names, if it is there.
    pub(crate) fn zone(&self) -> Result<Option<Zone>, ApiError> {
        match self.one("time_zone") {
            None => Ok(None),
            Some(name) => Zone::named(name).map(Some).ok_or_else(|| ApiError::invalid("Time zone is not known")),
        }
    }

    /// A moment, in Unix seconds; without an offset it is read in `zone`.
    pub(crate) fn moment(&self, name: &str, zone: &Zone) -> Result<Option<i64>, ApiError> {
        match self.one(name) {
            None => Ok(None),
            Some(text) => match zone.read(text) {
                Some(at_s) => Ok(Some(at_s)),
                None => Err(ApiError::invalid(&format!("{name} is not an ISO 8601 date"))),
            },
        }
    }

    pub(crate) fn page(&self) -> Result<Page, ApiError> {
        let number = |name: &str, usual: usize| match self.one(name) {
            None => Ok(usual),
            Some(text) => text.parse().map_err(|_| ApiError::invalid(&format!("{name} must be a whole number"))),
        };
        let limit = number("limit", DEFAULT_LIMIT)?;
        let offset = number("offset", 0)?;
        if limit == 0 {
            return Err(ApiError::invalid("limit must be at least 1"));
        }
        let limit = limit.min(MAX_LIMIT);
        if offset.saturating_add(limit) > MAX_REACH {
            return Err(ApiError::invalid("offset plus limit must not exceed 10000"));
        }
        Ok(Page { limit, offset, total: self.is_true("total") })
    }
}

/// The part of a list that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) limit: usize,
    pub(crate) offset: usize,
    /// Whether `total` is to be counted; it is null otherwise.
    pub(crate) total: bool,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn only_brackets_make_a_set() {
        let query = Query::parse("statuses=resolved&statuses%5B%5D=triggered&statuses[]=acknowledged");
        assert_eq!(query.set("statuses[]"), ["triggered", "acknowledged"]);
    }

    #[test]
    fn pages_have_limits() {
        let page = Query::parse("limit=1000&offset=9900&total=true").page().unwrap();
        assert_eq!((page.limit, page.offset, page.total), (100, 9_900, true));
        assert!(Query::parse("limit=100&offset=9901").page().is_err());
        assert!(Query::parse("limit=0").page().is_err());
        assert!(Query::parse("offset=-1").page().is_err());
    }
}
