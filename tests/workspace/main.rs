//! What is true of the workspace as a whole: which crates and folders may know which, under which licences its
//! dependencies come, and what only one place may do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there, and says where")]

mod database;
mod dependencies;
mod layers;
mod sources;
