//! Collecting rows of a long list: as few requests as the question allows, and an honest count.
//!
//! Where PagerDuty can apply every filter, it also counts (`total=true`), and one page is enough. Where a
//! filter has to be applied here, everything that could match must be read, up to [`PAGES_MAX`].

use std::ops::ControlFlow;

use toolkeep_connector::{End, Lent, Page, Paging, Request, ToolError};

/// Pages of 100 that one call reads: 3,000 rows, some seven megabytes of incidents.
pub(crate) const PAGES_MAX: u32 = 30;

/// Reads a list page by page. One copy of the reading for each kind of row, not for each reader.
pub(crate) fn each_page<T: Lent + 'static>(
    request: Request<'_>,
    key: &str,
    paging: Paging,
    each: &mut dyn FnMut(Page<T::Row<'_>>) -> ControlFlow<()>,
) -> Result<End, ToolError> {
    request.lent_pages::<T>(key, paging, |_, page| each(page))
}

/// Rows found so far.
#[derive(Debug)]
pub(crate) struct Gather<R> {
    /// What is shown.
    pub(crate) rows: Vec<R>,
    /// How many match.
    pub(crate) count: u32,
    /// Whether `count` is all of them, rather than those seen before a bound.
    pub(crate) exact: bool,
    limit: usize,
    skip: u32,
    offset: u32,
    pages_left: u32,
}

impl<R> Gather<R> {
    pub(crate) fn new(limit: u32, offset: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self { rows: Vec::new(), count: 0, exact: true, limit, skip: offset, offset, pages_left: PAGES_MAX }
    }

    /// Reads one list that PagerDuty filters and counts.
    pub(crate) fn counted<T: Lent + 'static>(
        &mut self,
        request: Request<'_>,
        key: &str,
        shape: impl Fn(&T::Row<'_>) -> Result<R, ToolError>,
    ) -> Result<(), ToolError> {
        let want = self.limit.saturating_sub(self.rows.len());
        let paging = Paging {
            page_rows: u32::try_from(want.clamp(1, 100)).unwrap_or(100),
            offset: self.skip,
            pages_max: self.pages_left.min(PAGES_MAX),
            ..Paging::USUAL
        };
        let (mut seen, mut total, mut fault) = (0, None, None);
        let end = each_page::<T>(request.query("total", "true"), key, paging, &mut |page| {
            self.pages_left = self.pages_left.saturating_sub(1);
            total = page.total.or(total);
            // Behind the last row there is nothing, however far the offset: what was not seen does not count.
            if page.rows.is_empty() {
                return ControlFlow::Continue(());
            }
            seen = page.offset.saturating_add(u32::try_from(page.rows.len()).unwrap_or(u32::MAX));
            for row in page.rows.iter().take(self.limit.saturating_sub(self.rows.len())) {
                self.take(shape(row), &mut fault)?;
            }
            if self.rows.len() < self.limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        fault.map_or(Ok(()), Err)?;
        self.exact &= total.is_some() || (end == End::Complete && (seen > 0 || self.skip == 0));
        let here = total.unwrap_or(seen);
        self.count = self.count.saturating_add(here);
        self.skip = self.skip.saturating_sub(here);
        Ok(())
    }

    /// Reads one list of which only some rows match.
    pub(crate) fn filtered<T: Lent + 'static>(
        &mut self,
        request: Request<'_>,
        key: &str,
        matches: impl Fn(&T::Row<'_>) -> bool,
        shape: impl Fn(&T::Row<'_>) -> Result<R, ToolError>,
    ) -> Result<(), ToolError> {
        if self.pages_left == 0 {
            self.exact = false;
            return Ok(());
        }
        let paging = Paging { pages_max: self.pages_left, ..Paging::USUAL };
        let mut fault = None;
        let end = each_page::<T>(request.query("total", "true"), key, paging, &mut |page| {
            self.pages_left = self.pages_left.saturating_sub(1);
            for row in page.rows.iter().filter(|row| matches(row)) {
                self.count = self.count.saturating_add(1);
                if self.count > self.offset && self.rows.len() < self.limit {
                    self.take(shape(row), &mut fault)?;
                }
            }
            ControlFlow::Continue(())
        })?;
        fault.map_or(Ok(()), Err)?;
        self.exact &= end == End::Complete;
        Ok(())
    }

    /// Takes a row that could be made, and ends the reading at one that could not.
    fn take(&mut self, row: Result<R, ToolError>, fault: &mut Option<ToolError>) -> ControlFlow<()> {
        match row {
            Ok(row) => {
                self.rows.push(row);
                ControlFlow::Continue(())
            }
            Err(error) => {
                *fault = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    /// How many are shown.
    pub(crate) fn shown(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    /// Whether nothing that matches comes after what is shown.
    pub(crate) fn complete(&self) -> bool {
        self.exact && self.offset.saturating_add(self.shown()) >= self.count && !self.is_past_the_end()
    }

    /// Whether the offset skipped everything.
    fn is_past_the_end(&self) -> bool {
        self.offset > 0 && self.offset >= self.count
    }

    /// How to see what is not shown.
    pub(crate) fn hint(&self, narrow: &str) -> Option<String> {
        if self.complete() {
            return None;
        }
        let next = self.offset.saturating_add(self.shown());
        let mut hint = String::new();
        if next < self.count {
            hint = format!("Call again with offset={next} for more.");
        }
        if self.is_past_the_end() {
            hint = format!("offset={next} is past the last row: call again with a smaller one.");
        }
        if !self.exact {
            let gap = if hint.is_empty() { "" } else { " " };
            hint.push_str(gap);
            hint.push_str(&format!("Not everything could be read, so count is a lower bound: {narrow}"));
        }
        Some(hint)
    }
}
