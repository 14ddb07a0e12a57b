//! Classic paging: part of a list with `limit`, `offset`, `more` and, if asked for, `total`.

use crate::http::Reply;
use crate::http::query::Page;
use serde_json::{Value, json};

/// The answer for a list that is at hand as a whole; `show` is called for the rows of the page only.
pub(crate) fn paged<T>(name: &str, items: &[T], page: Page, show: impl FnMut(&T) -> Value) -> Reply {
    let rows: Vec<Value> = items.iter().skip(page.offset).take(page.limit).map(show).collect();
    let more = page.offset.saturating_add(page.limit) < items.len();
    Reply::ok(&json!({
        name: rows,
        "limit": page.limit,
        "offset": page.offset,
        "more": more,
        "total": page.total.then_some(items.len()),
    }))
}
