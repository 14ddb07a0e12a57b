//! A hostile component without a test does not compile, and neither does a test without its component.

use crate::case::Case;
use crate::cases;

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

/// Components that attack nobody: other tests load them. This list only shrinks: one that has a case fails.
const NO_ATTACKS: &[&str] = &["faulty", "misbehaves"];

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

const fn holds(list: &[&str], name: &str) -> bool {
    let mut at = 0;
    while at < list.len() {
        if same(list[at], name) {
            return true;
        }
        at += 1;
    }
    false
}

/// Whether a case has this component.
const fn attacks(name: &str) -> bool {
    let mut module = 0;
    while module < cases::ALL.len() {
        let list = cases::ALL[module];
        let mut at = 0;
        while at < list.len() {
            if let Some(guest) = list[at].guest
                && same(guest, name)
            {
                return true;
            }
            at += 1;
        }
        module += 1;
    }
    false
}

/// Whether every case's component is one that there is.
const fn all_exist(list: &[Case]) -> bool {
    let mut at = 0;
    while at < list.len() {
        if let Some(guest) = list[at].guest
            && !holds(GUESTS, guest)
        {
            return false;
        }
        at += 1;
    }
    true
}

macro_rules! must_have_a_case {
    ($guest:literal) => {
        const _: () = assert!(
            attacks($guest) != holds(NO_ATTACKS, $guest),
            concat!(
                "tests/guests: `",
                $guest,
                "` needs a case in tests/tests/redteam/cases (or, if it attacks nobody, a place in NO_ATTACKS)"
            )
        );
    };
}
for_each_guest!(must_have_a_case);

const _: () = {
    let mut module = 0;
    while module < cases::ALL.len() {
        assert!(all_exist(cases::ALL[module]), "a case names a component that tests/guests has not");
        module += 1;
    }
    let mut at = 0;
    while at < NO_ATTACKS.len() {
        assert!(holds(GUESTS, NO_ATTACKS[at]), "NO_ATTACKS names a component that tests/guests has not");
        at += 1;
    }
};
