//! A log from its first record on, and what happens to it.

mod accept;
mod crash;
mod damage;
mod disk;
mod room;
mod waiting;
mod writing;
