//! What every request passes through: an id, a line in the log, errors as problem documents, limits, and the choice
//! between the public origin and the origins of modules. This folder knows no capability.

mod caller;
mod cors;
mod created;
pub mod documentation;
mod door;
mod front;
mod input;
mod limited;
mod listen;
pub mod openapi;
mod paging;
mod parameters;
mod passage;
mod path;
mod request_log;
mod span;

pub use caller::{Call, Caller, CallerKind, Grant, Scope, forbidden, unauthenticated};
pub use cors::{Page, Readers};
pub use created::Created;
pub use door::{Asked, Lookups, PATIENCE, Proved, door};
pub use front::{Front, ModuleOrigin};
pub use input::{Input, media_type, read_body, unread, wrong_media_type};
pub use limited::Limited;
pub use listen::serve;
pub use paging::{Listed, Paged, Paging};
pub use parameters::{NO_UTF_8, Parameters, decoded};
pub use passage::{RequestId, TIMEOUT, nothing_here, passed, wrong_method};
pub use path::{path_id, path_text};
pub use request_log::{Line, RequestLog};
pub use span::Span;
