//! What was there a moment ago: a server that has not heard of it yet says the same as one that has.

use crate::app::TestApp;
use crate::app::json_of;
use crate::records::{Api, refusal};
use crate::story;
use embed_base::db::Tx;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

/// Removes a site past everybody, so that no server hears of it.
async fn remove_silently(app: &TestApp, site: Uuid) {
    let text = "DELETE FROM sites WHERE id = $1";
    match app.context.db.begin_global().await.unwrap() {
        Tx::Sqlite(mut tx) => {
            sqlx::query(text).bind(site).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        }
        Tx::Postgres(mut tx) => {
            sqlx::query(text).bind(site).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        }
    }
}

story!(a_record_of_a_site_that_is_gone_is_made_nowhere, |app| {
    let api = Api::publish(&app).await;
    // The token and the module are in memory from now on.
    api.create("things", &json!({ "a": 1 })).await;
    remove_silently(&app, api.site).await;
    let post = || api.send(Method::POST, "records/things", &json!({ "a": 2 }));
    for asked in [post(), post().header("Idempotency-Key", "once")] {
        let (status, code, _) = refusal(asked).await;
        assert_eq!((status, code.as_str()), (404, "module_not_found"));
    }
    let query = "mutation { createRecord(collection: \"things\", data: {a: 3}) { id } }";
    let asked = api.send(Method::POST, "graphql", &json!({ "query": query }));
    let (_, answer) = json_of(asked.send().await.unwrap()).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "module_not_found", "{answer}");
});
