//! Tests of the server, each written once and run on SQLite and PostgreSQL. `TEST_POSTGRES_URL` names a PostgreSQL server on
//! which databases and roles may be made.

#![allow(clippy::unwrap_used, reason = "a story that cannot go on ends there, and says where")]

mod app;
mod assets;
mod bad_settings;
mod browser;
mod caches;
mod callers;
mod connections;
mod console;
mod console_permissions;
mod cors;
mod deleted;
mod doctor;
mod documented;
mod domains;
mod error_codes;
mod faults;
mod graphql;
mod hosts;
mod isolation;
mod job_workers;
mod jobs;
mod limits;
mod limits_documented;
mod management;
mod oauth;
mod oauth_app;
mod oauth_attacks;
mod oauth_clients;
mod operators;
mod outbox;
mod outgoing_calls;
mod path_ids;
mod people;
mod periodic_tasks;
mod permissions;
mod preconditions;
mod proving_domains;
mod publishing;
mod ranges;
mod record_lists;
mod records;
mod request_log;
mod requests;
mod revocation;
mod rotation;
mod schemas;
mod scopes;
mod serving;
mod sign_in;
mod sign_in_limits;
mod strangers;
mod tokens;
mod tokens_over_http;
mod verify;
mod views;

/// Tells a story on both engines: `story!(name_of_the_story, |app| { … })` makes `name_of_the_story::on_sqlite` and
/// `name_of_the_story::on_postgres`, with `app` a server of its own. Its
/// loops go on while the story waits for a command, on threads of their own.
macro_rules! story {
    ($name:ident, |$app:ident| $body:block) => {
        mod $name {
            #[allow(unused_imports, reason = "not every story needs what its neighbours need")]
            use super::*;

            async fn story($app: $crate::app::TestApp) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                story($crate::app::TestApp::start(embed_testing::Database::sqlite()).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                if let Some(database) = embed_testing::Database::postgres().await {
                    story($crate::app::TestApp::start(database).await).await;
                }
            }
        }
    };
}
pub(crate) use story;
