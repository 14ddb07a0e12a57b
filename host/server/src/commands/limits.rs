//! `toolkeep limits`: what one call, one component and the whole host may use, and why.

use crate::cli::{Global, Limits};
use crate::failure::Failure;
use crate::{keep, output};

/// Runs the command.
///
/// # Errors
/// A limit cannot be as it was set.
pub(crate) fn run(global: &Global, options: &Limits) -> Result<(), Failure> {
    let limits = keep::limits(global)?.list();
    if options.json {
        return limits.iter().try_for_each(output::json);
    }
    let mut table = output::table(["LIMIT", "VALUE", "WHAT IT BOUNDS, AND WHY"]);
    for limit in limits {
        table.add_row([limit.name.to_owned(), limit.value.to_string(), limit.reason.to_owned()]);
    }
    output::text(table)
}
