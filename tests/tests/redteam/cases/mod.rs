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
mod records;
mod reflection;
mod resolving;
mod resources;
mod surfaces;
mod tenancy;
mod tls;
mod turns;
mod unmasked;

/// Every case.
pub(crate) const ALL: [&[Case]; 17] = [
    destination::CASES,
    resolving::CASES,
    tls::CASES,
    paths::CASES,
    headers::CASES,
    reflection::CASES,
    unmasked::CASES,
    channels::CASES,
    resources::CASES,
    turns::CASES,
    floods::CASES,
    load::CASES,
    cache::CASES,
    approval::CASES,
    tenancy::CASES,
    records::CASES,
    surfaces::CASES,
];
