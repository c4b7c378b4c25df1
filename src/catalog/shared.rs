//! A list whose copies share what is in it.

use std::iter::Map;
use std::slice;
use std::sync::Arc;

/// A list that is copied without its elements; one that changes is copied then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared<T>(Vec<Arc<T>>);

/// Goes through a list.
type Iter<'a, T> = Map<slice::Iter<'a, Arc<T>>, fn(&Arc<T>) -> &T>;
/// Goes through a list to change it.
type IterMut<'a, T> = Map<slice::IterMut<'a, Arc<T>>, fn(&mut Arc<T>) -> &mut T>;

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Shared<T> {
    /// Returns the elements, in order.
    pub fn iter(&self) -> Iter<'_, T> {
        self.0.iter().map(|element| element)
    }

    /// Returns how many elements there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the element at a place.
    pub fn get(&self, at: usize) -> Option<&T> {
        self.0.get(at).map(AsRef::as_ref)
    }

    /// Returns the last element.
    pub fn last(&self) -> Option<&T> {
        self.0.last().map(AsRef::as_ref)
    }

    pub(super) fn push(&mut self, element: T) {
        // Catalogs are kept at many places of a history: no list is larger than it needs to be.
        self.0.reserve_exact(1);
        self.0.push(Arc::new(element));
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.0.retain(|element| keep(element));
    }
}

impl<T: Clone> Shared<T> {
    pub(super) fn remove(&mut self, at: usize) -> T {
        Arc::unwrap_or_clone(self.0.remove(at))
    }

    pub(super) fn iter_mut(&mut self) -> IterMut<'_, T> {
        self.0.iter_mut().map(Arc::make_mut)
    }

    /// Returns the last element, to change it.
    pub(super) fn last_mut(&mut self) -> Option<&mut T> {
        self.0.last_mut().map(Arc::make_mut)
    }

    /// Returns the first element of that kind, to change it.
    pub(super) fn find_mut(&mut self, mut is_it: impl FnMut(&T) -> bool) -> Option<&mut T> {
        self.0.iter_mut().find(|element| is_it(element)).map(Arc::make_mut)
    }

    /// Returns the elements of that kind, to change them.
    pub(super) fn filter_mut<'a>(
        &'a mut self,
        mut is_it: impl FnMut(&T) -> bool + 'a,
    ) -> impl Iterator<Item = &'a mut T> {
        self.0.iter_mut().filter(move |element| is_it(element)).map(Arc::make_mut)
    }
}

impl<'a, T> IntoIterator for &'a Shared<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T: Clone> IntoIterator for &'a mut Shared<T> {
    type Item = &'a mut T;
    type IntoIter = IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<T> FromIterator<T> for Shared<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self(elements.into_iter().map(Arc::new).collect())
    }
}

impl<T> Extend<T> for Shared<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, elements: I) {
        self.0.extend(elements.into_iter().map(Arc::new));
    }
}
