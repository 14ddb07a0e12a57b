//! The endpoints, one file for each family.

pub(crate) mod acting;
pub(crate) mod directory;
pub(crate) mod escalation;
pub(crate) mod incidents;
pub(crate) mod oncalls;
pub(crate) mod page;
pub(crate) mod render;
pub(crate) mod rows;
pub(crate) mod services;
pub(crate) mod timeline;
pub(crate) mod update;
pub(crate) mod webhooks;
