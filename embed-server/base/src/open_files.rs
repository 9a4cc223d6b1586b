//! The limit of open files, which connections, the database and files share.

use std::io;

/// What the database, files and the rest of the process need besides connections.
const RESERVED: u64 = 256;

/// Raises the limit as far as the system allows, and returns it.
pub fn raise() -> io::Result<u64> {
    rlimit::increase_nofile_limit(u64::MAX)
}

/// How many of the wanted connections fit below the limit.
pub fn connections(wanted: u32, limit: u64) -> usize {
    let free = limit.saturating_sub(RESERVED).max(limit / 2);
    usize::try_from(u64::from(wanted).min(free)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_to_the_database() {
        assert_eq!(connections(10_000, 1_048_576), 10_000);
        assert_eq!(connections(10_000, 1024), 768);
        assert_eq!(connections(10_000, 256), 128);
        assert_eq!(connections(100, 1024), 100);
    }
}
