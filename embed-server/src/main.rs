//! The command `embed-server`.

use std::process::ExitCode;

fn main() -> ExitCode {
    embed_server::cli::main()
}
