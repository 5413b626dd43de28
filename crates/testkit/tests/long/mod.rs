//! What the long runs share: a clock that is moved, a model of what a drive must hold, an actor that does the same to both.
//!
//! The model knows nothing of the product but the rules of `docs/spec/drive.md`, and what the actor asks for.

pub(crate) mod actor;
pub(crate) mod check;
pub(crate) mod choice;
pub(crate) mod clock;
pub(crate) mod faults;
pub(crate) mod figures;
pub(crate) mod line;
pub(crate) mod model;
pub(crate) mod rest;
pub(crate) mod second_thoughts;
pub(crate) mod stage;
