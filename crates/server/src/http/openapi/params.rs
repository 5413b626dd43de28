//! What requests carry beside their body: in the path, after the question mark, in headers.

use crannog_proto::ErrorCode::{self, BadRequest, Forbidden, Healing, JournalClosed, NotFound, StaleEpoch};
use crannog_proto::{api, limits};
use serde_json::{Value, json};

/// A parameter, and the codes that it can be refused with.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Param {
    place: &'static str,
    pub(super) name: &'static str,
    required: bool,
    form: Form,
    about: &'static str,
    pub(super) refusals: &'static [ErrorCode],
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Text,
    Pattern(&'static str),
    Only(&'static str),
    Number,
}

const ID: Form = Form::Pattern("^[0-9a-f]{64}$");

/// A header that may be left out, with the only value that counts.
const fn mark(name: &'static str, only: &'static str, about: &'static str) -> Param {
    Param {
        place: "header",
        name,
        required: false,
        form: Form::Only(only),
        about,
        refusals: &[],
    }
}

const fn path(name: &'static str, form: Form, about: &'static str) -> Param {
    Param {
        place: "path",
        name,
        required: true,
        form,
        about,
        refusals: &[BadRequest],
    }
}

const fn query(name: &'static str, about: &'static str) -> Param {
    Param {
        place: "query",
        name,
        required: false,
        form: Form::Number,
        about,
        refusals: &[BadRequest],
    }
}

pub(in crate::http) const JOURNAL: Param = path("journal", ID, "The journal's id.");
pub(in crate::http) const BLOB: Param = path("blob", ID, "The blob's id, its plain BLAKE3.");
pub(in crate::http) const ACCOUNT: Param = path("id", ID, "The recipient's account id.");
pub(in crate::http) const DROP: Param = path(
    "id",
    Form::Pattern("^[0-9a-f]{32}$"),
    "The drop's id, as the inbox gives it.",
);
pub(in crate::http) const NAME: Param = Param {
    refusals: &[],
    ..path(
        "name",
        Form::Text,
        "A name (at most 32 characters), or an account id (64 hex digits).",
    )
};
pub(in crate::http) const AFTER: Param = query(
    "after",
    "The last place that is known; the page begins behind it. Absent: from genesis.",
);
pub(in crate::http) const LIMIT: Param = query(
    "limit",
    "Most entries; what is not between 1 and 512 is taken as the nearer of the two. Absent: 512.",
);
pub(in crate::http) const READ: Param = Param {
    place: "header",
    name: api::READ_HEADER,
    required: true,
    form: ID,
    about: "The read token. A wrong one and an unknown journal are both `not_found`.",
    refusals: &[BadRequest, Forbidden, NotFound],
};
pub(in crate::http) const SOURCES: Param = Param {
    required: false,
    form: Form::Pattern("^[0-9a-f]{64}( *, *[0-9a-f]{64}){0,15}$"),
    about: "Read tokens of journals of the same creator, from which the entries cite blobs; at most 16.",
    refusals: &[BadRequest],
    ..READ
};
pub(in crate::http) const WRITE: Param = Param {
    place: "header",
    name: api::WRITE_HEADER,
    required: true,
    form: Form::Pattern("^[0-9]+:[0-9a-f]{128}$"),
    about: "A write grant, `EPOCH:SIGNATURE`: by that epoch's write or append key, bound to this session.",
    refusals: &[BadRequest, Forbidden, NotFound, StaleEpoch, JournalClosed],
};
pub(in crate::http) const MAKER: Param = Param {
    required: false,
    about: "With a genesis that is given back to a server that heals: a grant of epoch 0 by the genesis' own admin key, bound to this session.",
    refusals: &[Forbidden],
    ..WRITE
};
pub(in crate::http) const BODY: Param = mark(
    api::BODY_HEADER,
    api::BODY,
    "The blob is a piece of an entry's body: staged for an hour, with a grant of the write key also where the quota has no room.",
);
pub(in crate::http) const HEAL: Param = Param {
    refusals: &[Healing],
    ..mark(
        api::HEAL_HEADER,
        api::HEAL,
        "Given back to a server that heals; without it, such a server refuses with `healing`.",
    )
};

impl Param {
    pub(super) fn json(&self) -> Value {
        let schema = match self.form {
            Form::Text => json!({ "type": "string" }),
            Form::Pattern(pattern) => json!({ "type": "string", "pattern": pattern }),
            Form::Only(value) => json!({ "type": "string", "const": value }),
            Form::Number => json!({ "type": "integer", "format": "uint64", "minimum": 0 }),
        };
        json!({
            "in": self.place,
            "name": self.name,
            "required": self.required,
            "schema": schema,
            "description": self.about,
        })
    }
}

/// What both sides hold to; the rates are those of a server whose operator changed none.
pub(super) fn limits() -> Value {
    let rates = crate::config::Limits::default();
    json!({
        "blob_bytes": limits::BLOB_MAX,
        "header_bytes": limits::HEADER_MAX,
        "inline_body_bytes": limits::INLINE_BODY_MAX,
        "append_bytes": limits::APPEND_MAX,
        "append_entries": limits::APPEND_ENTRIES,
        "adds_and_drops": limits::IDS_MAX,
        "seen_behind": limits::SEEN_BEHIND,
        "page_entries": limits::PAGE_ENTRIES,
        "page_bytes": limits::PAGE_MAX,
        "links": limits::LINKS_MAX,
        "link_bytes": limits::LINK_MAX,
        "devices": limits::DEVICES_MAX,
        "bell_journals": limits::BELL_JOURNALS,
        "drop_bytes": limits::DROP_SIZES,
        "drop_days": limits::DROP_DAYS,
        "drops_per_hour": limits::DROPS_PER_HOUR,
        "inbox_drops": limits::INBOX_MAX,
        "inbox_page": limits::INBOX_PAGE,
        "uploads_per_session": rates.uploads_per_session,
        "requests_per_second": rates.requests_per_second,
        "logins_per_minute": rates.logins_per_minute,
    })
}
