//! The bell in a liar's hands: it stands open and answers pings, but rings are swallowed, replayed, forged, twisted, or no rings at all
//! (attacks 10, 29, 31 to 35, 51). The liar has all keys of the server, so receipts are right wherever that helps it.

mod forged;
mod honest;
mod inbox;
mod line;
mod listener;
mod withheld;
