//! Dependencies between objects and parts of objects, as they are kept.

use super::object::{Class, ObjectId};

/// A part of an object: what can be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Part {
    Whole,
    Column(u16),
    Default(u16),
    Constraint(u32),
    Trigger(u32),
    Policy(u32),
}

/// An object, or a part of one.
pub(super) type Address = (ObjectId, Part);

/// How something depends on another thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Strength {
    /// It goes only with `CASCADE`.
    Normal,
    /// It goes with what it depends on.
    Auto,
}

/// One dependency; `first` and `second` are what is needed and what needs it, or the other way round.
///
/// There are several for each object, each twice, in catalogs that are kept at many places of a history:
/// all of it is one number, in the order of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Edge(u128);

/// How many bits the number of an object or part has: nobody's files make so many.
const NUMBER: u32 = 28;
/// How many bits an address has: those of two numbers, a class and a kind of part.
const ADDRESS: u32 = 2 * NUMBER + 2 + 3;

impl Edge {
    pub(super) fn new(first: Address, second: Address, strength: Strength) -> Self {
        let strength = u128::from(strength == Strength::Auto);
        Self(packed(first) << (ADDRESS + 1) | packed(second) << 1 | strength)
    }

    /// Returns the first edge of an address, or one before it.
    pub(super) fn start(of: Address) -> Self {
        Self(packed(of) << (ADDRESS + 1))
    }

    pub(super) fn is_of(self, first: Address) -> bool {
        self.0 >> (ADDRESS + 1) == packed(first)
    }

    pub(super) fn second(self) -> Address {
        unpacked(self.0 >> 1)
    }

    pub(super) fn strength(self) -> Strength {
        if self.0 & 1 == 1 { Strength::Auto } else { Strength::Normal }
    }
}

/// Returns an address as a number; numbers are in the order of addresses.
fn packed((id, part): Address) -> u128 {
    let class = match id.class {
        Class::Relation => 0,
        Class::Type => 1,
        Class::Function => 2,
        Class::Other => 3,
    };
    let (kind, number) = match part {
        Part::Whole => (0, 0),
        Part::Column(number) => (1, number.into()),
        Part::Default(number) => (2, number.into()),
        Part::Constraint(number) => (3, number),
        Part::Trigger(number) => (4, number),
        Part::Policy(number) => (5, number),
    };
    debug_assert!(id.number >> NUMBER == 0 && number >> NUMBER == 0);
    let object = u128::from(id.number) << 2 | class;
    (object << 3 | kind) << NUMBER | u128::from(number)
}

/// Returns the address that the lowest bits say.
fn unpacked(bits: u128) -> Address {
    let lowest =
        |bits: u128, count: u32| u32::try_from(bits & ((1 << count) - 1)).unwrap_or(u32::MAX);
    let number = lowest(bits, NUMBER);
    // The number of a column was made of 16 bits.
    let column = u16::try_from(number).unwrap_or(u16::MAX);
    let part = match lowest(bits >> NUMBER, 3) {
        0 => Part::Whole,
        1 => Part::Column(column),
        2 => Part::Default(column),
        3 => Part::Constraint(number),
        4 => Part::Trigger(number),
        _ => Part::Policy(number),
    };
    let class = match lowest(bits >> (NUMBER + 3), 2) {
        0 => Class::Relation,
        1 => Class::Type,
        2 => Class::Function,
        _ => Class::Other,
    };
    (ObjectId { number: lowest(bits >> (NUMBER + 5), NUMBER), class }, part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_keep_the_order_of_their_parts() {
        let parts = [
            Part::Whole,
            Part::Column(1),
            Part::Column(u16::MAX),
            Part::Default(1),
            Part::Constraint(7),
            Part::Constraint((1 << NUMBER) - 1),
            Part::Trigger(7),
            Part::Policy(7),
        ];
        let classes = [Class::Relation, Class::Type, Class::Function, Class::Other];
        let numbers = [0, 1, 9, (1 << NUMBER) - 1];
        let ids = numbers.iter().flat_map(|n| classes.map(|class| ObjectId { number: *n, class }));
        let addresses: Vec<Address> = ids.flat_map(|id| parts.map(|part| (id, part))).collect();
        let mut edges = Vec::new();
        for first in &addresses {
            for second in &addresses {
                for strength in [Strength::Normal, Strength::Auto] {
                    let edge = Edge::new(*first, *second, strength);
                    assert!(edge.is_of(*first) && edge >= Edge::start(*first));
                    assert_eq!((edge.second(), edge.strength()), (*second, strength));
                    edges.push(edge);
                }
            }
        }
        assert!(edges.is_sorted());
    }
}
