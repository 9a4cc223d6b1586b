//! What only one place may do with the database.

use crate::sources::{CRATES, below};

/// The files that may write in a transaction that crosses tenants: sign-in, whose codes and links are nobody's yet, the
/// batches of logs, and what deletes by age. Every other change goes through `Change`.
const MAY_CROSS: [&str; 23] = [
    "accounts/prune.rs",
    "accounts/sessions.rs",
    "activity/mod.rs",
    "change.rs",
    "db/changes.rs",
    "db/lease.rs",
    "db/mod.rs",
    "db/months.rs",
    "db/open.rs",
    "jobs/attempt.rs",
    "jobs/job.rs",
    "jobs/mod.rs",
    "jobs/store.rs",
    "jobs/worker.rs",
    "records/mod.rs",
    "requests/retention.rs",
    "requests/write.rs",
    "sign_in/codes.rs",
    "sign_in/links.rs",
    "sign_in/mod.rs",
    "tokens/prune.rs",
    "views/prune.rs",
    "views/write.rs",
];

#[test]
fn nothing_else_writes_in_a_transaction_that_crosses_tenants() {
    for (package, folder) in CRATES {
        for source in below(folder) {
            let path = source.path.display().to_string();
            let crosses = source.code.contains("begin_global(");
            assert!(!crosses || MAY_CROSS.contains(&path.as_str()), "{package}: {path} calls begin_global");
        }
    }
}
