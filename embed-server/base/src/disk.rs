//! How much room the disks have that this server writes to.

use crate::config::{DatabaseUrl, Settings};
use crate::error::{Code, Error, Result};
use std::path::Path;

/// Below this much free space a disk counts as full, whatever its size.
pub const LEAST_BYTES: u64 = 1024 * 1024 * 1024;
/// Below this share of free space a disk counts as full.
pub const LEAST_PERCENT: u64 = 5;

/// 503 `unavailable` where the disk of the files, or of a database in a file, is nearly full.
pub fn check(settings: &Settings) -> Result<()> {
    let mut places = vec![("modules' files", settings.storage.storage_url.as_path())];
    if let DatabaseUrl::Sqlite(file) = &settings.database.database_url {
        places.push(("database", file.as_path()));
    }
    for (what, place) in places {
        // A place that is not known is no reason to refuse: it is made at the first write.
        let Some(stats) = existing(place).and_then(|place| fs4::statvfs(place).ok()) else { continue };
        if is_full(stats.available_space(), stats.total_space()) {
            let megabytes = stats.available_space() / (1024 * 1024);
            let detail = format!(
                "The disk of the {what} is nearly full, with {megabytes} MiB left; this server needs {LEAST_PERCENT} % and 1 GiB. Free some space."
            );
            return Err(Error::new(Code::Unavailable, detail));
        }
    }
    Ok(())
}

fn is_full(available: u64, total: u64) -> bool {
    available < LEAST_BYTES || u128::from(available) * 100 < u128::from(total) * u128::from(LEAST_PERCENT)
}

/// The path, or its nearest parent that exists.
fn existing(path: &Path) -> Option<&Path> {
    path.ancestors()
        .find(|path| path.as_os_str().is_empty() || path.exists())
        .map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1024 * 1024 * 1024;

    #[test]
    fn a_disk_is_full_below_five_percent_and_below_a_gibibyte() {
        for (available, total, full) in [
            (2 * GIB, 10 * GIB, false),
            (GIB, 10 * GIB, false),
            (GIB - 1, 10 * GIB, true),
            (4 * GIB, 100 * GIB, true),
            (5 * GIB, 100 * GIB, false),
            (0, 0, true),
        ] {
            assert_eq!(is_full(available, total), full, "{available} of {total}");
        }
    }

    #[test]
    fn a_place_that_is_not_made_yet_is_on_its_parents_disk() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(existing(&folder.path().join("a/b")), Some(folder.path()));
        assert_eq!(existing(Path::new("embed.db")), Some(Path::new(".")));
    }
}
