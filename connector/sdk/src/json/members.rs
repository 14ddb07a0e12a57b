//! Finding the members of an object that are wanted, and passing over the others.

use std::rc::Rc;

use super::bytes::{BLOCK_BYTES, plain_ends, same};
use super::reader::{NO_NAME, Reader, Result};

/// The names of the members that somebody wants of an object, found by a number below 64 that each has, and that most
/// other names do not have.
pub(super) struct Names {
    names: &'static [&'static str],
    /// The numbers that they have, a bit for each.
    numbers: u64,
    /// The place of the name that has a number, or [`SEVERAL`].
    places: [u8; 64],
}

/// More than one name has the number, or one whose place is larger than these.
const SEVERAL: u8 = u8::MAX;

impl Names {
    fn new(names: &'static [&'static str]) -> Self {
        let mut new = Self { names, numbers: 0, places: [SEVERAL; 64] };
        for (place, name) in names.iter().enumerate() {
            let number = number(name.as_bytes());
            let is_first = new.numbers >> number & 1 == 0;
            new.numbers |= 1 << number;
            if let Some(known) = new.places.get_mut(number) {
                *known = if is_first { u8::try_from(place).unwrap_or(SEVERAL) } else { SEVERAL };
            }
        }
        new
    }

    #[inline(always)]
    fn place(&self, name: &[u8]) -> Option<usize> {
        let number = number(name);
        if self.numbers >> number & 1 == 0 {
            return None;
        }
        match self.places.get(number).copied() {
            Some(place) if place != SEVERAL => {
                let place = usize::from(place);
                self.names.get(place).filter(|wanted| same(wanted.as_bytes(), name)).map(|_| place)
            }
            _ => self.one_of_several(name),
        }
    }

    #[inline(never)]
    fn one_of_several(&self, name: &[u8]) -> Option<usize> {
        self.names.iter().position(|wanted| same(wanted.as_bytes(), name))
    }
}

impl Reader<'_> {
    /// The names that a type wants. A text has few types of objects and many objects: each type's are prepared once.
    pub(super) fn names(&mut self, names: &'static [&'static str]) -> Rc<Names> {
        let known = self.known.iter().find(|known| std::ptr::eq(known.names, names));
        if let Some(known) = known {
            return Rc::clone(known);
        }
        let new = Rc::new(Names::new(names));
        self.known.push(Rc::clone(&new));
        new
    }
}

/// A number below 64, by a name's length, beginning and end. The factors are some by which the names of common members
/// (`id`, `name`, `status`, `created_at`) rarely share one.
#[inline(always)]
fn number(name: &[u8]) -> usize {
    let end = |byte: Option<&u8>| byte.copied().map_or(0, usize::from);
    (name.len() * 4 + end(name.first()) * 9 + end(name.last()) * 23) % 64
}

impl Reader<'_> {
    /// Goes on to the next member of an object that is wanted, past its colon, and says which it is; nothing at the
    /// object's end.
    ///
    /// Most of reading happens here. Nearly every member stands close behind the one before it, and a name and the
    /// value's beginning lie in one block: that is tried first, and whatever else there may be is not done here.
    pub(super) fn next_wanted(&mut self, names: &Names, first: &mut bool) -> Result<Option<usize>> {
        let text = self.text.as_bytes();
        let mut first = std::mem::take(first);
        let mut at = self.at;
        loop {
            if !first && text.get(at..).is_some_and(|rest| rest.starts_with(b",\"")) {
                at += 1;
            } else {
                self.at = at;
                if !self.goes_on_to_name(first)? {
                    return Ok(None);
                }
                at = self.at;
            }
            first = false;
            let Some(block) = text.get(at..).and_then(<[u8]>::first_chunk::<BLOCK_BYTES>) else {
                self.at = at;
                if let Some(place) = self.other_member(names)? {
                    return Ok(Some(place));
                }
                at = self.at;
                continue;
            };
            // The first is the quote at which the name begins.
            let ends = plain_ends(block) & !1;
            let name_end = ends.trailing_zeros() as usize;
            let Some([b'"', b':', value, after]) = block.get(name_end..).and_then(<[u8]>::first_chunk::<4>) else {
                self.at = at;
                if let Some(place) = self.other_member(names)? {
                    return Ok(Some(place));
                }
                at = self.at;
                continue;
            };
            if let Some(place) = names.place(block.get(1..name_end).unwrap_or_default()) {
                self.at = at + name_end + 2;
                return Ok(Some(place));
            }
            if *value == b'"' {
                // Behind the ends of the name there is the quote at which the value begins.
                let ends = ends & ends.wrapping_sub(1);
                let end = (ends & ends.wrapping_sub(1)).trailing_zeros() as usize;
                if block.get(end) == Some(&b'"') {
                    at += end + 1;
                    continue;
                }
            } else if (*value, *after) == (b'[', b']') {
                at += name_end + 4;
                continue;
            } else if *value == b'n' && text.get(at + name_end + 2..).is_some_and(|rest| rest.starts_with(b"null")) {
                at += name_end + 6;
                continue;
            }
            self.at = at + name_end + 2;
            self.pass_over()?;
            at = self.at;
        }
    }

    /// Whether an object goes on; then the quote of a member's name is next.
    #[inline(never)]
    fn goes_on_to_name(&mut self, first: bool) -> Result<bool> {
        if !self.goes_on(b'}', first)? {
            return Ok(false);
        }
        if self.peek() == b'"' { Ok(true) } else { Err(self.unexpected(NO_NAME)) }
    }

    /// Takes a member as far as [`Reader::next_wanted`] does, whatever it looks like: one that is not wanted with its
    /// value.
    #[inline(never)]
    fn other_member(&mut self, names: &Names) -> Result<Option<usize>> {
        let name = self.string()?;
        self.colon()?;
        let place = names.place(name.as_bytes());
        if place.is_none() {
            self.pass_over()?;
        }
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_many_names_is_found() {
        // More than there are numbers, and more than a place has room for.
        let names: Vec<&'static str> =
            (0..600).map(|number| &*Box::leak(format!("field_{number}").into_boxed_str())).collect();
        for count in [1, 20, 64, 255, 256, 257, 600] {
            let names = Names::new(Box::leak(names[..count].to_vec().into_boxed_slice()));
            for (place, name) in names.names.iter().enumerate() {
                assert_eq!(names.place(name.as_bytes()), Some(place), "{name} of {count}");
            }
            assert_eq!(names.place(b"field_x"), None);
        }
    }
}
