//! Every behaviour there is, in a fixed order.

use serde_json::json;

use crate::behaviour::{Behaviour, STATUSES};
use crate::chunks::Chunks;
use crate::echo::{Echo, Place, What};
use crate::flood::Flood;
use crate::form::Form;
use crate::garbage::Garbage;
use crate::redirect::Redirect;
use crate::slow::Slow;

/// The seed of the one irregular cutting in the catalogue.
const CUT_SEED: u64 = 7;

impl Behaviour {
    /// Every behaviour: good answers, errors, each form of echo at each place that can hold it and in each cutting
    /// of a body, redirects, floods, waits, garbage. The order is fixed; IDs are unique.
    #[must_use]
    pub fn catalogue() -> Vec<Self> {
        let mut all = vec![Self::Honest(json!({})), Self::Plausible];
        all.extend(STATUSES.map(Self::Status));
        all.extend(echoes().into_iter().map(Self::Echo));
        all.push(Self::StoreAndReadBack);
        all.extend(Redirect::ALL.map(Self::Redirect));
        all.extend(Flood::ALL.map(Self::Flood));
        all.extend(Garbage::ALL.map(Self::Garbage));
        all.extend(Slow::ALL.map(Self::Slow));
        all
    }

    /// The behaviour of the catalogue with this ID.
    #[must_use]
    pub fn by_id(id: &str) -> Option<Self> {
        Self::catalogue().into_iter().find(|behaviour| behaviour.id() == id)
    }
}

fn echoes() -> Vec<Echo> {
    let mut all = Vec::new();
    for form in Form::ALL {
        for place in Place::ALL {
            let fits = if form.is_binary() { place == Place::Body } else { true };
            if !fits {
                continue;
            }
            all.push(Echo { what: What::Token, place, form, chunks: Chunks::Whole });
        }
        for chunks in [Chunks::OneByte, Chunks::Sizes(CUT_SEED), Chunks::SplitInsideSecret] {
            let place = if form.is_binary() { Place::Body } else { Place::JsonBody };
            all.push(Echo { what: What::Token, place, form, chunks });
        }
    }
    // The whole header: its first words move the alignment of base64.
    for form in [Form::Raw, Form::PercentAll, Form::HexLower, Form::Base64 { offset: 0 }] {
        all.push(Echo { what: What::Value, place: Place::JsonBody, form, chunks: Chunks::Whole });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_behaviour_has_an_id_of_its_own_and_says_what_it_does() {
        let all = Behaviour::catalogue();
        let mut ids: Vec<String> = all.iter().map(Behaviour::id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all.len());
        for behaviour in &all {
            let id = behaviour.id();
            assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'+'), "{id}");
            assert!(!behaviour.description().contains('\n') && behaviour.description().len() > 8, "{id}");
            assert_eq!(Behaviour::by_id(&id).as_ref(), Some(behaviour));
        }
        assert_eq!(Behaviour::by_id("no-such-thing"), None);
    }
}
