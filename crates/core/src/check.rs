//! The checks by which a client defends itself (`docs/spec/checks.md`), as values that errors carry.

use std::fmt;

macro_rules! checks {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// A check that failed: someone is lying. Never retried, never downgraded to a warning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Check { $($(#[$doc])* $name,)* }

        impl Check {
            /// Every check.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number in its id.
            pub fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// What was found wrong, as a clause.
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

checks! {
    /// CHK-001
    Blob = 1, "a blob's bytes do not hash to the id that was asked for";
    /// CHK-002
    Seal = 2, "a sealed object does not open under its key";
    /// CHK-003
    Length = 3, "content has another length than its record demands";
    /// CHK-004
    Secret = 4, "an opened secret does not give the public keys that were signed";
    /// CHK-005
    Home = 5, "the home journal does not carry the keys of the account secret";
    /// CHK-006
    ChainLink = 6, "a sigchain is not whole";
    /// CHK-007
    ChainFloor = 7, "a sigchain has lost a link that was known";
    /// CHK-008
    Root = 8, "the sigchain's root is another one";
    /// CHK-009
    KdfFloor = 9, "password parameters lie outside the compiled-in bounds";
    /// CHK-010
    Version = 10, "an object has an unknown version";
    /// CHK-011
    Head = 11, "the server's head is not the one that its entries give";
    /// CHK-012
    Rollback = 12, "the server answers with an older state than the one already seen";
    /// CHK-013
    HeadsMeet = 13, "two devices were shown different pasts";
    /// CHK-014
    Seen = 14, "an entry was written on another past";
    /// CHK-015
    EntryId = 15, "an entry came twice";
    /// CHK-016
    EpochSignature = 16, "an entry is not signed by its epoch's key";
    /// CHK-017
    Author = 17, "an entry's author had no right to it, or did not sign it";
    /// CHK-018
    Body = 18, "an entry's body is not the one that its header names";
    /// CHK-019
    Receipt = 19, "a receipt is not the pinned server's, or not of what was sent";
    /// CHK-020
    Server = 20, "the server is not the pinned one";
    /// CHK-021
    JournalId = 21, "a journal's id is not the hash of its genesis";
    /// CHK-022
    Rekey = 22, "a rekey was not allowed, or its secrets do not match";
    /// CHK-023
    Name = 23, "a name or link from the drive would reach outside the target folder";
    /// CHK-024
    Bounds = 24, "a count or size is out of bounds";
    /// CHK-025
    Freshness = 25, "the server has not proved to be current";
    /// CHK-026
    Missing = 26, "the server cannot give back what it acknowledged";
    /// CHK-027
    Sheet = 27, "the sigchain lies below the recovery sheet's floor";
    /// CHK-028
    Redirect = 28, "the server answered with a redirect or a coding that is not allowed";
    /// CHK-029
    Decode = 29, "bytes do not decode";
    /// CHK-030
    Segment = 30, "a checkpoint does not equal the journal";
    /// CHK-031
    Note = 31, "what came out of the inbox is not what a note must be";
    /// CHK-032
    OutdatedList = 32, "the server keeps an outdated member list in force";
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CHK-{:03}: {}", self.number(), self.text())
    }
}

impl std::error::Error for Check {}
