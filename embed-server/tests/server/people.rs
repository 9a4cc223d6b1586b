//! People of a test: operators with their roles, and the organization that they are strangers to.

use crate::app::TestApp;
use embed_base::db::Tx;
use embed_base::events::activity::Actor;
use embed_core::accounts::{Accounts, Email, Role};
use uuid::Uuid;

/// The organization that every fresh database has.
pub const HOME: Uuid = Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001);

impl TestApp {
    /// A personal token of somebody with this role in an organization.
    pub async fn operator(&self, organization: Uuid, role: Role) -> String {
        let email = Email::parse(&format!("{}@example.com", Uuid::now_v7())).unwrap();
        let accounts = Accounts::new(&self.context);
        accounts.invite(&Actor::CommandLine, organization, email.clone(), None, role).await.unwrap();
        let (_, secret) = accounts.token(&Actor::CommandLine, &email, "A program", None).await.unwrap();
        self.settle().await;
        secret.reveal().to_owned()
    }

    /// Another organization than the one that is there. No command makes one yet.
    pub async fn another_organization(&self) -> Uuid {
        let id = Uuid::now_v7();
        let text = "INSERT INTO organizations (id, name, created_at) VALUES ($1, 'Another', $2)";
        let now = self.context.clock.now();
        match self.context.db.begin_global().await.unwrap() {
            Tx::Sqlite(mut tx) => {
                sqlx::query(text).bind(id).bind(now).execute(&mut *tx).await.unwrap();
                tx.commit().await.unwrap();
            }
            Tx::Postgres(mut tx) => {
                sqlx::query(text).bind(id).bind(now).execute(&mut *tx).await.unwrap();
                tx.commit().await.unwrap();
            }
        }
        id
    }
}
