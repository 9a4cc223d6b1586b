//! What a stranger can do to a server, driven over real HTTP against its process, while others watch: `/healthz` answers, a
//! well-behaved caller is refused nothing, and the memory stays small and comes back.
//!
//! `just hostile` runs a release build for longer and prints the figures; `tests/run` runs what is built, and asserts
//! nothing by milliseconds.

mod answers;
mod connections;
mod disk;
mod floods;
mod queries;
mod schemas;
mod target;
mod tenant;
mod uploads;
mod watch;
