//! What every request passes through: an id, a line in the log, errors as problem documents, limits, and the choice
//! between the public origin and the origins of modules. This folder knows no capability.

mod caller;
mod content;
mod cors;
mod front;
mod input;
mod listen;
pub mod openapi;
mod paging;
mod passage;
mod path;
mod rate_limit;

pub use caller::{Call, Caller, CallerKind, Grant, Scope, forbidden, unauthenticated};
pub use content::{Content, Encoding};
pub use cors::Readers;
pub use front::{Front, ModuleOrigin};
pub use input::{Input, media_type, read_body, unread, wrong_media_type};
pub use listen::{Peer, serve};
pub use paging::{Listed, Paged, Paging};
pub use passage::{nothing_here, passed};
pub use path::path_id;
pub use rate_limit::RateLimit;
