//! A map from names to numbers that is cheap to copy: of a name it keeps only what the name hashes to.

use std::hash::Hash;

use imbl::OrdMap;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::QualifiedName;

/// What a name hashes to. Two names of one program are never equal in all of its 128 bits.
type Key = [u64; 2];

/// A map from names to something small.
///
/// A map of the names themselves compares texts all over the memory to find one, and counts the uses of
/// the texts of many others whenever a part of it is copied.
#[derive(Clone, Debug)]
pub(super) struct NameMap<V>(OrdMap<Key, V>);

impl<V> Default for NameMap<V> {
    fn default() -> Self {
        Self(OrdMap::new())
    }
}

impl<V: Copy> NameMap<V> {
    pub(super) fn get(&self, name: &QualifiedName) -> Option<&V> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&key(name))
    }

    pub(super) fn contains_key(&self, name: &QualifiedName) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn insert(&mut self, name: &QualifiedName, value: V) {
        self.0.insert(key(name), value);
    }

    pub(super) fn remove(&mut self, name: &QualifiedName) {
        self.0.remove(&key(name));
    }
}

fn key(name: &QualifiedName) -> Key {
    let mut hasher = SipHasher13::new();
    name.hash(&mut hasher);
    let hash = hasher.finish128();
    [hash.h1, hash.h2]
}
