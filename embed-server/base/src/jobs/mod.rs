//! Work beside the requests. Knows no capability: `app` registers what there is to do.
//!
//! A *periodic task* has no input and is run by one server at a time; one that fails stops no other.

mod periodic;

pub use periodic::{Next, PeriodicTask};

use crate::error::Error;

/// Why something failed, for the log: the causes where there are any, because the sentence is for whoever sent a request.
fn reason(error: &Error) -> String {
    error.causes().unwrap_or_else(|| error.detail().to_owned())
}
