//! Limits that both sides hold to (`docs/spec/api.md`, section Limits). Sizes in bytes.

/// Plaintext of one file chunk.
pub const CHUNK: usize = 4 * 1024 * 1024;
/// Largest blob: a chunk and its sealing.
pub const BLOB_MAX: usize = 4_196_608;
/// Largest header.
pub const HEADER_MAX: usize = 1024 * 1024;
/// Largest sealed body that travels inside its entry; larger ones travel as blobs.
pub const INLINE_BODY_MAX: usize = 16_384 + 106;
/// Largest sealed body in blobs.
pub const BODY_MAX: usize = 64 * 1024 * 1024;
/// Largest Append request.
pub const APPEND_MAX: usize = 8 * 1024 * 1024;
/// Most entries of one Append request.
pub const APPEND_ENTRIES: usize = 64;
/// Most ids in adds and drops of one header together.
pub const IDS_MAX: usize = 16_384;
/// How far `seen` may lie behind.
pub const SEEN_BEHIND: u64 = 4_096;
/// Most entries of one page.
pub const PAGE_ENTRIES: usize = 512;
/// Largest page.
pub const PAGE_MAX: usize = 8 * 1024 * 1024;
/// Most links of a sigchain.
pub const LINKS_MAX: usize = 4_096;
/// Largest link.
pub const LINK_MAX: usize = 16 * 1024;
/// Most devices of one account that are valid at once.
pub const DEVICES_MAX: usize = 256;
/// Most journals held by one bell.
pub const BELL_JOURNALS: usize = 1_024;
/// Uploads under way at once in one session.
pub const UPLOADS: usize = 64;
/// Bytes of an X-Wing public key.
pub const KEM_PUBLIC: usize = 1_216;
/// Longest box of an account secret's generation: HPKE of 32 bytes.
pub const WRAPPED_SECRET: usize = 1_168;
/// Most operations of one entry.
pub const OPS_MAX: usize = 8_192;
/// The sizes that a drop may have.
pub const DROP_SIZES: [usize; 3] = [4_096, 16_384, 65_536];
/// Most drops of one inbox.
pub const INBOX_MAX: usize = 1_024;
/// Most drops of one answer.
pub const INBOX_PAGE: usize = 64;
/// Drops of one sender in an hour; so many may come at once.
pub const DROPS_PER_HOUR: u32 = 120;
/// Days after which the server forgets a drop.
pub const DROP_DAYS: u32 = 30;
