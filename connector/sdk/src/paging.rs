//! Reading a long list page by page, under a bound, and saying honestly where the reading ended.
//!
//! The form is the usual one: `limit` and `offset` go out, `more` and perhaps `total` come back beside
//! the rows. The offset advances by the rows that came, not by the limit that was asked for.

use std::fmt;
use std::marker::PhantomData;
use std::ops::ControlFlow;

use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, Visitor};

use crate::json::{self, Text};
use crate::request::{Parts, Request, push_pair, transmit};
use crate::{Context, ToolError};

/// How much of a list to read.
#[derive(Debug, Clone, Copy)]
pub struct Paging {
    /// Rows in one page.
    pub page_rows: u32,
    /// Row to begin with.
    pub offset: u32,
    /// Pages to read at most, so that one call ends in bounded time.
    pub pages_max: u32,
    /// The upstream's own bound of `offset + limit`.
    pub reach_max_rows: u32,
}

impl Paging {
    /// Pages of 100 rows, at most ten of them.
    pub const USUAL: Self = Self { page_rows: 100, offset: 0, pages_max: 10, reach_max_rows: 10_000 };
}

/// One page.
#[derive(Debug)]
pub struct Page<T> {
    /// The rows, as many as came.
    pub rows: Vec<T>,
    /// Whether the upstream has more.
    pub more: bool,
    /// How many rows there are in all, where the upstream says.
    pub total: Option<u32>,
    /// Place of the first row in the whole list.
    pub offset: u32,
}

/// Where the reading of a list ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every row was seen.
    Complete,
    /// The reader had enough, and there was more.
    Stopped,
    /// A bound was reached, and there was more.
    Bounded,
}

/// A kind of row that may borrow its texts ([`Text`]) from the page that it stands on. Implemented for the type without
/// a page: `impl Lent for Order<'static> { type Row<'page> = Order<'page>; }`.
pub trait Lent {
    /// The row on its page.
    type Row<'page>: Deserialize<'page>;
}

/// Rows that are their own.
struct Owned<T>(PhantomData<T>);

impl<T: DeserializeOwned> Lent for Owned<T> {
    type Row<'page> = T;
}

impl Request<'_> {
    /// Reads page after page of the rows under `key`, until `each` breaks, the list ends or a bound is
    /// reached. Progress is reported from the second page on.
    ///
    /// # Errors
    /// The first request that fails ends it.
    pub fn pages<T: DeserializeOwned>(
        self,
        key: &str,
        paging: Paging,
        each: impl FnMut(&mut Context, Page<T>) -> ControlFlow<()>,
    ) -> Result<End, ToolError> {
        self.lent_pages::<Owned<T>>(key, paging, each)
    }

    /// As [`Request::pages`], for rows that borrow from their page: those of long lists cost less so.
    ///
    /// # Errors
    /// The first request that fails ends it.
    pub fn lent_pages<T: Lent>(
        self,
        key: &str,
        paging: Paging,
        mut each: impl FnMut(&mut Context, Page<T::Row<'_>>) -> ControlFlow<()>,
    ) -> Result<End, ToolError> {
        let Parts { context, mut outgoing, path } = self.into_parts()?;
        let connector = context.connector;
        let base = std::mem::take(&mut outgoing.path_with_query);
        let mut offset = paging.offset;
        for page_number in 0..paging.pages_max.max(1) {
            let room = paging.reach_max_rows.saturating_sub(offset);
            if room == 0 {
                return Ok(End::Bounded);
            }
            let limit = paging.page_rows.min(room);
            let mut query = format!("limit={limit}");
            if offset > 0 {
                push_pair(&mut query, "offset", &offset.to_string());
            }
            let joint = if base.contains('?') { '&' } else { '?' };
            outgoing.path_with_query = format!("{base}{joint}{query}");
            let response = transmit(context, &outgoing, path)?;
            if !response.is_success() {
                return Err(crate::error::explain(connector, &response));
            }
            let mut page: Page<T::Row<'_>> = json::read_seed(response.body(), PageSeed { key, rows: PhantomData })
                .map_err(|fault| response.unreadable(connector.title, &fault))?;
            page.offset = offset;
            let count = u32::try_from(page.rows.len()).unwrap_or(u32::MAX);
            let (more, total) = (page.more, page.total);
            offset = offset.saturating_add(count);
            let flow = each(context, page);
            if !more {
                return Ok(End::Complete);
            }
            if flow.is_break() {
                return Ok(End::Stopped);
            }
            if count == 0 {
                // More is promised and nothing came: asking for the same page again would never end.
                return Ok(End::Bounded);
            }
            if page_number + 1 < paging.pages_max {
                context.progress(offset, total, &format!("Reading {key} from {}", connector.title));
            }
        }
        Ok(End::Bounded)
    }
}

struct PageSeed<'k, T> {
    key: &'k str,
    rows: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for PageSeed<'_, T> {
    type Value = Page<T>;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for PageSeed<'_, T> {
    type Value = Page<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an object with a list under `{}`", self.key)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut rows: Option<Vec<T>> = None;
        let (mut more, mut total) = (false, None);
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let key = &*key;
            if key == self.key {
                rows = Some(map.next_value()?);
            } else if key == "more" {
                more = map.next_value::<Option<bool>>()?.unwrap_or(false);
            } else if key == "total" {
                total = map.next_value::<Option<u32>>()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        let rows = rows.ok_or_else(|| serde::de::Error::custom("the list is missing"))?;
        Ok(Page { rows, more, total, offset: 0 })
    }
}
