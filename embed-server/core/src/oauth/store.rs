//! The SQL of the authorization server.

mod clients;

pub(super) use clients::*;
