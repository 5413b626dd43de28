//! All routes with what the specification says of them, in the order of `docs/spec/api.md`.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use crannog_proto::ErrorCode::{
    BadChain, BadRequest, BadSignature, BlobMismatch, Forbidden, Healing, InboxFull, InviteInvalid,
    NameTaken, NotFound, Quota, StorageFull, Suspended, TooManyRequests, Unauthorized,
};
use crannog_proto::limits;

use super::observe::observe;
use super::openapi::params::{
    ACCOUNT, AFTER, BLOB, BODY, DROP, HEAL, JOURNAL, LIMIT, MAKER, NAME, READ, SOURCES, WRITE,
};
use super::route::Bytes::{Borsh, Raw};
use super::route::{Route, Session};
use super::{App, accounts, bell, blobs, directory, given_back, healing, inbox, info, journals, login};
use crate::error::ApiError;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/server", info::show)
            .named("showServer", "Who the server is, and its clock.")
            .answers(Borsh("ServerInfo")),
        Route::post("/v1/accounts", accounts::register)
            .named(
                "register",
                "Makes an account with its home journal. The same link again gets the same answer.",
            )
            .takes(Borsh("Register"), accounts::REQUEST_MAX)
            .answers(Borsh("Registered"))
            .refuses(&[
                InviteInvalid,
                NameTaken,
                BadSignature,
                BadChain,
                Forbidden,
                Healing,
                Quota,
                StorageFull,
                TooManyRequests,
            ]),
        Route::post("/v1/login/challenge", login::challenge)
            .named(
                "challenge",
                "Something to sign, once, within 60 s; for unknown names too.",
            )
            .takes(Borsh("ChallengeRequest"), login::REQUEST_MAX)
            .answers(Borsh("Challenge"))
            .refuses(&[TooManyRequests]),
        Route::post("/v1/login", login::login)
            .named("login", "Answers a challenge and begins a session.")
            .takes(Borsh("Login"), login::REQUEST_MAX)
            .answers(Borsh("Session"))
            .refuses(&[
                Unauthorized,
                BadSignature,
                Suspended,
                StorageFull,
                TooManyRequests,
            ]),
        Route::get("/v1/account", accounts::show)
            .named("showAccount", "One's own account.")
            .by(Session::Any)
            .answers(Borsh("AccountView")),
        Route::post("/v1/account/links", accounts::append_link)
            .named("appendLink", "Appends a link to one's own sigchain.")
            .by(Session::Any)
            .takes(Borsh("AppendLink"), accounts::REQUEST_MAX)
            .answers(Borsh("()"))
            .refuses(&[BadSignature, BadChain, Healing, StorageFull]),
        Route::get("/v1/directory/{name}", directory::show)
            .named(
                "findAccount",
                "Somebody's sigchain, by name or account id. Nothing vouches for a name but the server.",
            )
            .by(Session::Any)
            .with(&[NAME])
            .answers(Borsh("DirectoryEntry"))
            .refuses(&[NotFound]),
        Route::post("/v1/inbox/{id}", inbox::put)
            .named(
                "dropNote",
                "Drops something sealed into an account's inbox, for 30 days. It is on disk when answered.",
            )
            .by(Session::Device)
            .with(&[ACCOUNT])
            .takes(
                Raw("A sealed drop of exactly one of the sizes in `x-limits`."),
                inbox::LARGEST,
            )
            .refuses(&[NotFound, InboxFull, StorageFull]),
        Route::get("/v1/inbox", inbox::show)
            .named("showInbox", "What lies in one's own inbox, the oldest first.")
            .by(Session::Device)
            .answers(Borsh("Inbox")),
        Route::delete("/v1/inbox/{id}", inbox::done)
            .named(
                "deleteDrop",
                "Takes a drop out of one's own inbox; 204 also when it is gone or another's.",
            )
            .by(Session::Device)
            .with(&[DROP])
            .refuses(&[StorageFull]),
        Route::post("/v1/journals", journals::create)
            .named("createJournal", "Makes a journal from its genesis.")
            .by(Session::Device)
            .with(&[HEAL, MAKER])
            .takes(Borsh("Entry"), journals::GENESIS_MAX)
            .answers(Borsh("Receipt"))
            .refuses(&[BadSignature, Quota, StorageFull]),
        Route::get("/v1/journals/{journal}/entries", journals::page)
            .named("readEntries", "A page of entries, in order.")
            .by(Session::Any)
            .with(&[JOURNAL, READ, AFTER, LIMIT])
            .answers(Borsh("Page")),
        Route::post("/v1/journals/{journal}/entries", journals::append)
            .named(
                "appendEntries",
                "Appends entries, in order; the first that is not `Done` ends it. A receipt says that all is on disk.",
            )
            .by(Session::Device)
            .with(&[JOURNAL, SOURCES, HEAL])
            .takes(Borsh("Append"), limits::APPEND_MAX)
            .answers(Borsh("Appended"))
            .refuses(&[NotFound, StorageFull]),
        Route::put("/v1/journals/{journal}/blobs/{blob}", blobs::put)
            .named(
                "putBlob",
                "Stages a blob for 7 days; says nothing about durability.",
            )
            .by(Session::Device)
            .with(&[JOURNAL, BLOB, WRITE, BODY, HEAL])
            .takes(Raw("The blob, which hashes to its id."), limits::BLOB_MAX)
            .refuses(&[BlobMismatch, Quota, StorageFull]),
        Route::get("/v1/journals/{journal}/blobs/{blob}", blobs::read)
            .named("readBlob", "A blob.")
            .by(Session::Any)
            .with(&[JOURNAL, BLOB, READ])
            .answers(Raw("The blob.")),
        Route::post("/v1/journals/{journal}/lacking", healing::lacking)
            .named(
                "lackingBlobs",
                "Which of these blobs the journal does not hold. The token must be live.",
            )
            .by(Session::Any)
            .with(&[JOURNAL, READ])
            .takes(Borsh("Vec<BlobId>"), healing::LACKING_MAX)
            .answers(Borsh("Vec<BlobId>")),
        Route::get("/v1/healing", healing::show)
            .named(
                "showHealing",
                "Whether a restored server waits for what came after its backup.",
            )
            .answers(Borsh("Option<Healing>")),
        Route::post("/v1/healing/account", given_back::account)
            .named(
                "giveBackAccount",
                "Gives one's own sigchain back to a server that heals. Repeated, it changes nothing.",
            )
            .takes(Borsh("GiveBack"), given_back::ACCOUNT_MAX)
            .answers(Borsh("()"))
            .refuses(&[
                Unauthorized,
                Forbidden,
                NotFound,
                InviteInvalid,
                NameTaken,
                BadSignature,
                BadChain,
                Quota,
                StorageFull,
                TooManyRequests,
            ]),
        Route::post("/v1/healing/chains", given_back::chain)
            .named(
                "giveBackChain",
                "Gives somebody's sigchain back to a server that heals, for those who follow it.",
            )
            .by(Session::Device)
            .takes(Borsh("Vec<SignedLink>"), given_back::CHAIN_MAX)
            .answers(Borsh("()"))
            .refuses(&[BadSignature, BadChain, StorageFull]),
        Route::get("/v1/bell", bell::open)
            .named(
                "openBell",
                "A WebSocket on which a client holds journals and hears them grow, and its inbox fill.",
            )
            .by(Session::Device)
            .rings("Hold", "Rung")
            .refuses(&[BadRequest]),
    ]
}

pub(crate) fn router(app: Arc<App>) -> Router {
    routes()
        .into_iter()
        .fold(Router::new(), |router, route| {
            router.route(route.path, route.handler)
        })
        .fallback(async || ApiError::Refused(NotFound))
        .method_not_allowed_fallback(async || ApiError::Refused(BadRequest))
        .layer(from_fn_with_state(Arc::clone(&app), observe))
        .with_state(app)
}
