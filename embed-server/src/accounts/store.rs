//! The SQL of organizations and people.

use crate::db::{Tx, on};
use crate::error::Result;
use uuid::Uuid;

pub(super) async fn organizations(tx: &mut Tx) -> Result<Vec<Uuid>> {
    let text = "SELECT id FROM organizations ORDER BY id";
    Ok(on!(tx, |conn| sqlx::query_scalar(text).fetch_all(conn).await)?)
}
