//! Who vouches for a checkpoint: every account whose device found all of it true and opened it, and nobody for one that could lie.

mod attacks;
mod hand;
mod two;
