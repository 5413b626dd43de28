//! The Borsh shape of everything that travels, in the words of `docs/spec`. Tests walk real requests and answers by them.

/// A named structure.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) borsh: &'static str,
    pub(super) about: &'static str,
}

const fn shape(name: &'static str, borsh: &'static str, about: &'static str) -> Shape {
    Shape { name, borsh, about }
}

pub(super) const SHAPES: &[Shape] = &[
    shape(
        "ServerInfo",
        "{ ca_fingerprint: [32], receipt_key: [32], receipt_key_signature: [64], time: i64, version: String }",
        "Who the server is; `time` is its clock in milliseconds since 1970.",
    ),
    shape(
        "Register",
        "{ invite: String, link: SignedLink, secrets: GenerationSecrets, home: Entry }",
        "A new account: the operator's invite, the Create link, generation 0, home's genesis.",
    ),
    shape(
        "Registered",
        "{ receipt: Receipt }",
        "The receipt of home's genesis.",
    ),
    shape("ChallengeRequest", "{ name: String }", "The account's name."),
    shape(
        "Challenge",
        "{ challenge: [32] }",
        "To be signed once, within 60 s.",
    ),
    shape(
        "Login",
        "{ name: String, principal: Principal, challenge: [32], signature: [64] }",
        "`Sign(device or root key, \"crannog/1 login.\", ca_fingerprint || challenge || name)`.",
    ),
    shape("Principal", "0 Device([16]) | 1 Root", "Who logs in."),
    shape(
        "Session",
        "{ token: [32], expires_in: u32 }",
        "A bearer secret, and for how many seconds.",
    ),
    shape(
        "AccountView",
        "{ name: String, links: Vec<SignedLink>, secrets: Vec<GenerationSecrets>, home: [32], quota: u64, used: u64 }",
        "An account as the server has it; `quota` and `used` in bytes.",
    ),
    shape(
        "AppendLink",
        "{ link: SignedLink, secrets: LinkSecrets }",
        "A link and the sealed secrets that its kind demands.",
    ),
    shape(
        "LinkSecrets",
        "0 None | 1 Device(DeviceEnvelope) | 2 Generation(GenerationSecrets)",
        "The sealed secrets that come with a link.",
    ),
    shape(
        "DirectoryEntry",
        "{ name: String, links: Vec<SignedLink> }",
        "An account's name and sigchain.",
    ),
    shape(
        "SignedLink",
        "{ link: Vec<u8>, signatures: Vec<[64]> }",
        "A link of a sigchain (docs/spec/identity.md).",
    ),
    shape(
        "GenerationSecrets",
        "{ number: u32, recovery: Vec<u8>, devices: Vec<DeviceEnvelope>, previous: Option<Vec<u8>> }",
        "A generation's secret, sealed to the recovery key and to every device.",
    ),
    shape(
        "DeviceEnvelope",
        "{ device: [16], wrapped: Vec<u8> }",
        "A generation's secret, sealed to one device.",
    ),
    shape(
        "Inbox",
        "{ drops: Vec<Drop> }",
        "The oldest drops; those behind come when these are deleted.",
    ),
    shape(
        "Drop",
        "{ id: [16], sealed: Vec<u8> }",
        "A drop under the server's id for it.",
    ),
    shape(
        "Entry",
        "{ header: Vec<u8>, signature: [64], body: Vec<u8> }",
        "A signed header and, if inline, its sealed body (docs/spec/journal.md).",
    ),
    shape(
        "Receipt",
        "{ journal: [32], seq: u64, head: [32], signature: [64] }",
        "The server's signed promise that an entry has its place, on disk.",
    ),
    shape(
        "Page",
        "{ entries: Vec<Stored>, last: Receipt }",
        "Entries without a gap, and the receipt of the journal's last.",
    ),
    shape(
        "Stored",
        "{ seq: u64, head: [32], entry: Entry, body_gone: bool }",
        "An entry in its place.",
    ),
    shape("Append", "{ entries: Vec<Entry> }", "1 to 64 entries."),
    shape(
        "Appended",
        "{ results: Vec<AppendResult> }",
        "One result for each entry that was tried.",
    ),
    shape(
        "AppendResult",
        "0 Done(Receipt) | 1 Missing(Vec<BlobId>) | 2 Refused { code: String }",
        "What became of one entry; `Missing` names blobs that have to be put (again), `code` is one of `Error`.",
    ),
    shape("BlobId", "[32]", "Plain BLAKE3 of a blob."),
    shape(
        "Healing",
        "{ taken: i64 }",
        "When the backup was taken, seconds since 1970.",
    ),
    shape(
        "GiveBack",
        "{ login: Login, links: Vec<SignedLink>, secrets: Vec<GenerationSecrets>, lost: Option<LostAccount> }",
        "One's own account: a login by a device of `links`, all links, all generations with boxes in the last one only.",
    ),
    shape(
        "LostAccount",
        "{ invite: String, home: Entry }",
        "For a server that does not know the account: an invite, and home's genesis.",
    ),
    shape(
        "Hold",
        "{ journals: Vec<Held> }",
        "Client to bell: the journals to hear of; replaces the last.",
    ),
    shape(
        "Held",
        "{ journal: [32], token: [32] }",
        "A journal and its read token.",
    ),
    shape(
        "Rung",
        "0 Journal(Ring) | 1 Inbox",
        "Bell to client: what is new.",
    ),
    shape(
        "Ring",
        "{ last: Receipt, entry: Option<Stored> }",
        "A journal's newest place, with the entry itself when it is small.",
    ),
];
