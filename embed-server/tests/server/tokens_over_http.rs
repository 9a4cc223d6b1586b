//! Managing a site's API tokens over HTTP.

use crate::app::{TestApp, json_of};
use crate::people::HOME;
use crate::story;
use embed_core::accounts::Role;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use uuid::Uuid;

/// An admin, and the site whose tokens he manages.
struct Desk<'a> {
    app: &'a TestApp,
    admin: String,
    site: Uuid,
}

impl Desk<'_> {
    async fn ask(&self, method: Method, rest: &str, body: Option<Value>) -> Response {
        let path = format!("/api/v1/sites/{}/tokens{rest}", self.site);
        let mut request = self.app.request(method, &path).bearer_auth(&self.admin);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// Status and code of a refusal.
    async fn refusal(&self, method: Method, rest: &str, body: Value) -> String {
        let (status, problem) = json_of(self.ask(method, rest, Some(body)).await).await;
        format!("{} {}", status.as_u16(), problem["code"].as_str().unwrap())
    }
}

story!(a_token_is_made_shown_once_rotated_and_revoked_over_http, |app| {
    let (site, other) = (app.site().await, app.site().await);
    let (module, foreign) = (app.module(site, "feedback").await, app.module(other, "booking").await);
    let desk = Desk { app: &app, admin: app.operator(HOME, Role::Admin).await, site };
    let new = json!({ "moduleId": module, "name": "Importer", "scopes": ["read", "write"] });
    let made = desk.ask(Method::POST, "", Some(new.clone())).await;
    assert_eq!(
        (made.status().as_u16(), &made.headers()["cache-control"]),
        (201, &"no-store".parse().unwrap())
    );
    let (_, made) = json_of(made).await;
    let (id, secret) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert_eq!((&made["rateLimit"], &made["expiresAt"]), (&json!(100), &Value::Null));

    let mut shown = made.clone();
    shown.as_object_mut().unwrap().remove("token");
    let one = format!("/{id}");
    assert_eq!(json_of(desk.ask(Method::GET, &one, None).await).await.1, shown, "without its secret");
    let list = json_of(desk.ask(Method::GET, "", None).await).await.1;
    assert_eq!(list, json!({ "data": [shown], "nextCursor": null }));

    let status = async |secret: &str| {
        app.settle().await;
        let path = format!("/api/v1/modules/{module}/nothing");
        app.get(&path).bearer_auth(secret).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(secret).await, 404, "it opens the API, where there is nothing of this name");
    let rotate = format!("{one}/rotate");
    let next = desk.ask(Method::POST, &rotate, Some(json!({ "overlapSeconds": 60 }))).await;
    assert_eq!(
        (next.status().as_u16(), &next.headers()["cache-control"]),
        (201, &"no-store".parse().unwrap())
    );
    let (_, next) = json_of(next).await;
    assert_eq!((status(secret).await, status(next["token"].as_str().unwrap()).await), (404, 404));
    assert_eq!(desk.refusal(Method::POST, &rotate, json!({})).await, "409 token_replaced");

    let next_one = format!("/{}", next["id"].as_str().unwrap());
    let (_, revoked) = json_of(desk.ask(Method::DELETE, &next_one, None).await).await;
    assert!(revoked["revokedAt"].is_string(), "{revoked}");
    assert_eq!(status(next["token"].as_str().unwrap()).await, 401);
    assert_eq!(desk.refusal(Method::POST, &format!("{next_one}/rotate"), json!({})).await, "409 token_ended");

    let mut of_another = new.clone();
    of_another["moduleId"] = foreign.to_string().into();
    assert_eq!(desk.refusal(Method::POST, "", of_another).await, "404 module_not_found");
    let elsewhere = Desk { app: &app, admin: desk.admin.clone(), site: other };
    assert_eq!(elsewhere.ask(Method::GET, &one, None).await.status(), 404, "another site's token");
    for year in ["+12345", "+262142"] {
        let mut endless = new.clone();
        endless["expiresAt"] = format!("{year}-01-01T00:00:00Z").into();
        assert_eq!(desk.refusal(Method::POST, "", endless).await, "400 invalid_request", "{year}");
    }
    let list = json_of(desk.ask(Method::GET, "", None).await).await.1;
    assert_eq!(list["data"].as_array().unwrap().len(), 2, "what was refused has made nothing");
});
