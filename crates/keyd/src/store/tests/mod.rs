//! A store on a disk that loses power, and what an attacker does to its files.

mod attacks;
mod crash;
mod files;
mod using;
mod world;
