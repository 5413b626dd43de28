//! The person who installs.

use std::io;

use crannog_keyd_keys::StoreId;
use zeroize::Zeroizing;

use crate::report::Step;

/// Who installs, at a terminal or behind options of the command line.
pub trait Operator {
    /// Hears of each step as soon as it is done.
    fn step(&mut self, step: &Step);

    /// Sees the recovery key, this once. Not called when it is written to a file.
    fn show_recovery_key(&mut self, text: &str) -> io::Result<()>;

    /// Gives back the recovery key from where it was kept; `None` to end here. `wrong` counts the answers that did not open the store;
    /// three are the most that is asked for.
    fn recovery_key(&mut self, wrong: u32) -> io::Result<Option<Zeroizing<String>>>;

    /// Gives the id of the store that is about to be destroyed, in hex; `None` to end here. It is **not** to be taken from `store`
    /// without a person: naming it is the consent.
    fn store_id(&mut self, store: &StoreId) -> io::Result<Option<String>>;
}
