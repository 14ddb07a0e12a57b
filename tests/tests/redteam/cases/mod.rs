//! The cases, by the parts of the catalogue of threats.

use crate::case::Case;

mod approval;
mod cache;
mod channels;
mod destination;
mod floods;
mod headers;
mod load;
mod paths;
mod reflection;
mod resolving;
mod resources;
mod surfaces;
mod tenancy;
mod unmasked;

/// Every case.
pub(crate) const ALL: [&[Case]; 14] = [
    destination::CASES,
    resolving::CASES,
    paths::CASES,
    headers::CASES,
    reflection::CASES,
    unmasked::CASES,
    channels::CASES,
    resources::CASES,
    floods::CASES,
    load::CASES,
    cache::CASES,
    approval::CASES,
    tenancy::CASES,
    surfaces::CASES,
];
