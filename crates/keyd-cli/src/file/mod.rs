//! Files that `encrypt` writes (docs/spec/keyd.md, *Files*).
//!
//! ```text
//! "CRKDFIL1" | u16 length | key name | u16 length | wrapped data key | FLOE under the data key
//! └──────────────────── associated data of FLOE ─────────────────────┘
//! ```

mod head;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use head::{Head, MAGIC};
pub(crate) use stream::{StreamError, open, seal};
