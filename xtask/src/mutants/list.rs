//! The mutants: where each defence is switched off, and which cases of the red team must notice, each of them: a
//! case that another defence stops as well says nothing of this one, and is not listed. A piece that is looked for
//! stands once in its file, and a test says so when the file has moved on. A defence that stands in several places is
//! off in all of them.

mod answers;
mod callers;
mod loading;
mod requests;
mod resources;

use super::Mutant;

/// Every one of them, by the way that an attack takes.
pub(super) const MUTANTS: [&[Mutant]; 5] =
    [requests::MUTANTS, answers::MUTANTS, resources::MUTANTS, loading::MUTANTS, callers::MUTANTS];
