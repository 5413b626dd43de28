//! Associated data, always with a label.

use crate::labels::Label;

/// The suite's number: the context of boxes whose key is unique already.
pub const SUITE: [u8; 1] = [0x01];

/// FLOE's associated data: `label || 0x00 || context`. There is no box without.
#[derive(Clone, Copy, Debug)]
pub struct Aad<'a> {
    label: &'a [u8],
    separator: &'static [u8],
    context: &'a [u8],
}

impl<'a> Aad<'a> {
    /// `label || 0x00 || context`.
    pub const fn new(label: Label, context: &'a [u8]) -> Self {
        Self {
            label: label.as_bytes(),
            separator: &[0],
            context,
        }
    }

    /// `label || 0x00 || 0x01`: for a key that seals one thing only.
    pub const fn suite(label: Label) -> Self {
        Self {
            label: label.as_bytes(),
            separator: &[0],
            context: &SUITE,
        }
    }

    /// Associated data of vectors that others published.
    #[cfg(test)]
    pub(crate) const fn raw(bytes: &'a [u8]) -> Self {
        Self {
            label: &[],
            separator: &[],
            context: bytes,
        }
    }

    pub(super) const fn parts(&self) -> [&'a [u8]; 3] {
        [self.label, self.separator, self.context]
    }
}
