//! crannogd: the server that cannot read.
#![forbid(unsafe_code)]
