//! The command `embed-server`.

use std::process::ExitCode;

/// Requests make many small allocations, which cost half as much here as with the C library's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    embed_server::cli::main()
}
