//! A tree that only grows, kept as the roots of its perfect subtrees.

use super::Hash;

/// A tree of any size in at most 64 hashes: the roots of its perfect subtrees, largest first, one for each bit of the size.
///
/// Leaves are added and the root is read; what a leaf was is forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree that was taken apart by [`size`](Self::size) and [`roots`](Self::roots). `None` if the number of roots is not the
    /// number of ones in `size`, or the size 2^63 or more: no log gets there, so counting on never overflows.
    pub fn from_parts(size: u64, roots: Vec<Hash>) -> Option<Self> {
        let fits = size.leading_zeros() > 0 && roots.len() == size.count_ones() as usize;
        fits.then_some(Self { size, roots })
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the perfect subtrees, largest first.
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Adds a leaf by its hash ([`Hash::leaf`]).
    pub fn push(&mut self, leaf: Hash) {
        let mut root = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                root = Hash::node(&left, &root);
            }
        }
        self.roots.push(root);
        self.size += 1;
    }

    /// The root of the tree (RFC 6962: MTH).
    pub fn root(&self) -> Hash {
        let joined = self.roots.iter().rev().copied();
        joined
            .reduce(|right, left| Hash::node(&left, &right))
            .unwrap_or_else(Hash::empty)
    }
}
