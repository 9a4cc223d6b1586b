//! The SQL of the authorization server.

mod clients;
mod families;
mod grants;
mod keys;
mod requests;

pub(super) use clients::*;
pub(super) use families::*;
pub(super) use grants::*;
pub(super) use keys::*;
pub(super) use requests::*;
