"""Every structure of the specification, in the order written there."""
from .borsh import Bool, Bytes, Enum, Fixed, Option, SetOf, Str, Struct, Vec, i64, u8, u16, u32, u64

H32, ID16, SIG = Fixed(32), Fixed(16), Fixed(64)
NONE = Struct()

# --- identity.md
Generation = Struct(number=u32, sign=H32, kem=Bytes)
Device = Struct(id=ID16, sign=H32, kem=Bytes)
LinkKind = Enum(
    ("Create", Struct(name=Str, root=H32, recovery_kem=Bytes, generation=Generation, device=Device)),
    ("AddDevice", Struct(device=Device)),
    ("RevokeDevice", Struct(device=ID16, generation=Generation, remaining=SetOf(ID16))),
    ("Recover", Struct(device=Device, generation=Generation, remaining=SetOf(ID16))),
    ("NewWords", Struct(root=H32, recovery_kem=Bytes, generation=Generation, remaining=SetOf(ID16))),
    ("Close", Struct()),
)
Link = Struct(version=u8, seq=u32, prev=H32, kind=LinkKind)
SignedLink = Struct(link=Bytes, signatures=Vec(SIG))
DeviceEnvelope = Struct(device=ID16, wrapped=Bytes)
GenerationSecrets = Struct(number=u32, recovery=Bytes, devices=Vec(DeviceEnvelope), previous=Option(Bytes))

# --- journal.md
Seen = Struct(seq=u64, head=H32)
SeqRange = Struct(**{"from_": u64, "to": u64})
EpochPublic = Struct(read_token_hash=H32, append_key=H32, write_key=H32, admin_key=H32)
Signer = Enum(("Writer", NONE), ("Admin", NONE))
Kind = Enum(
    ("Genesis", Struct(public=EpochPublic)),
    ("Change", NONE),
    ("Rekey", Struct(signer=Signer, next=EpochPublic)),
    ("Checkpoint", Struct(through=u64)),
    ("Reset", Struct(through=u64, lost=Vec(SeqRange))),
    ("Prune", Struct(ranges=Vec(SeqRange))),
    ("Close", NONE),
    ("Append", NONE),
)
Place = Enum(("Inline", NONE), ("Blobs", Struct(blobs=Vec(H32))))
Body = Struct(hash=H32, len=u32, place=Place)
HEADER_FIELDS = dict(journal=H32, epoch=u64, entry=ID16, seen=Seen, kind=Kind, adds=SetOf(H32), drops=SetOf(H32))
HeaderFront = Struct(**HEADER_FIELDS)  # after the version byte, before the body
Author = Struct(account=H32, device=ID16)
Signed = Struct(author=Author, signature=SIG, payload=Bytes, padding=Bytes)
Statement = Struct(**HEADER_FIELDS, payload=H32, account=H32, device=ID16)
Cite = Struct(account=H32, seq=u32, head=H32)
Role = Enum(("Reader", NONE), ("Append", NONE), ("Writer", NONE), ("Admin", NONE))
RANK = {"Reader": 0, "Append": 1, "Writer": 2, "Admin": 3}
Member = Struct(account=H32, role=Role, chain=Cite)
JournalKind = Enum(("Home", NONE), ("Drive", NONE), ("Conversation", NONE))
RekeyContent = Struct(members=Vec(Member), previous=Option(H32), padding=Bytes)
Envelope = Struct(tag_=ID16, wrapped=Bytes)
RekeyBody = Struct(sealed=Bytes, envelopes=Vec(Envelope), notice=Bytes)
EpochGrant = Struct(read=H32, append=Option(H32), write=Option(H32), admin=Option(H32))
Notice = Struct(removed=Vec(H32), padding=Bytes)

# --- drive.md
Slot = Struct(key=H32, offset=u32, len=u32)
Chunk = Struct(blob=H32, key=H32, slot=Option(Slot))
ChunkList = Vec(Chunk)
Leaf = Struct(blob=H32, key=H32, slot=Slot, count=u32)
Chunks = Enum(("Inline", Struct(chunks=ChunkList)), ("Leaves", Struct(leaves=Vec(Leaf))))
Content = Struct(size=u64, chunks=Chunks)
Attrs = Struct(mtime_s=i64, mtime_ns=u32, mode=u16)
NewNode = Enum(
    ("Directory", NONE),
    ("File", Struct(version=ID16, content=Content)),
    ("Symlink", Struct(target=Bytes)),
)
DriveOp = Enum(
    ("Create", Struct(node=ID16, parent=ID16, name=Str, attrs=Attrs, new=NewNode)),
    ("Write", Struct(node=ID16, base=ID16, version=ID16, attrs=Attrs, content=Content)),
    ("Move", Struct(node=ID16, parent=ID16, name=Str)),
    ("Trash", Struct(node=ID16)),
    ("Restore", Struct(node=ID16)),
    ("Purge", Struct(node=ID16)),
    ("PurgeVersion", Struct(node=ID16, version=ID16)),
    ("SetAttrs", Struct(node=ID16, attrs=Attrs)),
    ("Repack", Struct(node=ID16, version=ID16, content=Content)),
)
DriveBatch = Struct(ops=Vec(DriveOp), filler=Vec(H32))
Segment = Struct(after=u64, to=u64, records=u64, hash=H32, content=Content)
Manifest = Struct(through=u64, forgotten=u64, segments=Vec(Segment))
Version = Struct(version=ID16, seq=u64, time=i64, account=H32, device=ID16, attrs=Attrs, content=Content)
RecordKind = Enum(
    ("Directory", NONE),
    ("File", Struct(versions=Vec(Version))),
    ("Symlink", Struct(target=Bytes)),
)
Record = Enum(
    ("Node", Struct(node=ID16, parent=ID16, name=Str, attrs=Attrs, kind=RecordKind,
                    created=u64, changed=u64, trashed=Option(u64))),
    ("Gone", Struct(node=ID16, changed=u64)),
)
Records = Vec(Record)

# --- identity.md, home
HomeOp = Enum(
    ("Secrets", Struct(journal=H32, kind=JournalKind, epoch=u64, grant=EpochGrant)),
    ("DriveNamed", Struct(journal=H32, name=Str)),
    ("DriveRemoved", Struct(journal=H32)),
    ("DefaultDrive", Struct(journal=H32)),
    ("Head", Struct(journal=H32, seq=u64, head=H32)),
    ("DeviceNamed", Struct(device=ID16, name=Str)),
    ("Vouch", Struct(journal=H32, seq=u64, head=H32, through=u64)),
    ("Pin", Struct(account=H32, name=Str, root=H32, chain=Cite, verified=u8)),
    ("Mount", Struct(journal=H32, drive=H32, node=ID16)),
    ("Accepted", Struct(drop=ID16)),
    ("Removal", Struct(journal=H32, account=H32, wanted=Bool)),
    ("Invited", Struct(drop=ID16, note=Bytes)),
    ("Sharing", Struct(journal=H32, drive=H32, node=ID16, done=Bool)),
)
JournalContent = Enum(
    ("Genesis", Struct(kind=JournalKind, members=Vec(Member))),
    ("Home", Struct(ops=Vec(HomeOp))),
    ("Drive", Struct(batch=DriveBatch)),
    ("Checkpoint", Struct(manifest=Manifest)),
    ("Rekey", Struct(rekey=RekeyContent)),
    ("Reset", NONE),
    ("Prune", NONE),
    ("Close", NONE),
)
Payload = Struct(time=i64, device_name=Str, cites=Vec(Cite), content=JournalContent)

# --- inbox.md
Receipt = Struct(journal=H32, seq=u64, head=H32, signature=SIG)
Form = Enum(("Folder", NONE), ("File", NONE))
Inside = Struct(journal=H32, node=ID16)
Invite = Struct(journal=H32, kind=JournalKind, name=Str, form=Form, epoch=u64, role=Role, grant=EpochGrant, at=Seen,
                inside=Option(Inside))
Purpose = Enum(
    ("Invite", Invite),
    ("Leave", Struct(journal=H32, epoch=u64)),
    ("Refresh", Struct(journal=H32)),
)
Note = Struct(version=u8, id=ID16, sender=Author, chain=Cite, sender_root=H32, recipient=H32, recipient_root=H32, time=i64,
              expires=i64, heads=Vec(Receipt), purpose=Purpose)
SignedNote = Struct(note=Bytes, signature=SIG)
Padded = Struct(signed=SignedNote, padding=Bytes)
