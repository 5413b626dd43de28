//! Domain-separation labels of hashes and signatures. Those of key derivation are in the crate `seal`.

/// Hash: a journal's id from its genesis header.
pub const JOURNAL_ID: &str = "crannog/1 journal id.";
/// Hash: one step of the head chain.
pub const HEAD: &str = "crannog/1 head.";
/// Hash: a header, as it enters the head chain.
pub const HEADER: &str = "crannog/1 header.";
/// Hash: a read token, as the server stores it.
pub const READ_TOKEN_HASH: &str = "crannog/1 read token hash.";
/// Hash: a session token, as the server stores it and a write grant cites it.
pub const SESSION_HASH: &str = "crannog/1 session hash.";
/// Hash: the plain payload of a body.
pub const PAYLOAD: &str = "crannog/1 payload.";
/// Hash: a sigchain link.
pub const LINK: &str = "crannog/1 link.";
/// Hash: the canonical bytes of a checkpoint segment.
pub const SEGMENT: &str = "crannog/1 segment.";
/// Signature: an entry's header, by the epoch's key.
pub const ENTRY: &str = "crannog/1 entry.";
/// Signature: an entry's statement, by the author's device.
pub const AUTHOR: &str = "crannog/1 author.";
/// Hash: a root, as the ten words by which people compare it.
pub const ROOT_WORDS: &str = "crannog/1 root words.";
/// Signature: a sigchain link.
pub const LINK_SIGNATURE: &str = "crannog/1 link signature.";
/// Signature: a login challenge.
pub const LOGIN: &str = "crannog/1 login.";
/// Signature: the right to put blobs into a journal during one session.
pub const WRITE_GRANT: &str = "crannog/1 write grant.";
/// Signature: the server's promise that an entry has its place.
pub const RECEIPT: &str = "crannog/1 receipt.";
/// Signature: the CA's statement of the server's receipt key.
pub const RECEIPT_KEY: &str = "crannog/1 receipt key.";
/// Signature: a note that is dropped into an inbox, by the sender's device.
pub const NOTE: &str = "crannog/1 note.";

/// All of the above, for the test that they are unique and prefix-free.
pub const ALL: &[&str] = &[
    JOURNAL_ID,
    HEAD,
    HEADER,
    READ_TOKEN_HASH,
    SESSION_HASH,
    PAYLOAD,
    LINK,
    SEGMENT,
    ROOT_WORDS,
    ENTRY,
    AUTHOR,
    LINK_SIGNATURE,
    LOGIN,
    WRITE_GRANT,
    RECEIPT,
    RECEIPT_KEY,
    NOTE,
];
