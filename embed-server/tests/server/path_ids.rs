//! One of everything that the path of a route or a page can name.

use crate::app::TestApp;
use embed_base::events::activity::Actor;
use embed_core::accounts::{Accounts, Email, Role};
use embed_core::oauth::CreatedClient;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What may stand in a path, each belonging to the others.
pub struct PathIds(pub BTreeMap<&'static str, String>);

impl PathIds {
    pub async fn new(app: &TestApp, organization: Uuid) -> Self {
        let sites = embed_core::sites::Sites::new(&app.context);
        let site = sites.create(&Actor::CommandLine, organization, "A site").await.unwrap().id;
        let module = app.module(site, "feedback").await;
        let domain = app.add(site, module, "example.test").await.id;
        app.token(site, module, json!({ "scopes": ["read"] })).await;
        let token = embed_core::tokens::Tokens::new(&app.context).list(site, module).await.unwrap()[0].id;
        let new = json!({
            "redirectUris": ["https://app.example/callback"], "scopes": ["read"], "clientCredentials": true,
        });
        let CreatedClient { secret, details } = app.oauth_client(site, module, new).await;
        let client = details.client_id;
        // Its first token of its own makes a grant.
        let form = "grant_type=client_credentials";
        let request = app.request(Method::POST, "/oauth/token").basic_auth(&client, secret.as_deref());
        let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(form);
        assert_eq!(request.send().await.unwrap().status(), 200);
        let grant = app.oauth().grants_on(site, module).await.unwrap()[0].id;
        let email = Email::parse(&format!("{}@example.com", Uuid::now_v7())).unwrap();
        let accounts = Accounts::new(&app.context);
        let person =
            accounts.invite(&Actor::CommandLine, organization, email, None, Role::Member).await.unwrap().id;
        let ids = [
            ("organization", organization),
            ("site", site),
            ("module", module),
            ("domain", domain),
            ("token", token),
            ("person", person),
            ("session", Uuid::now_v7()),
            ("grant", grant),
        ];
        let ids = ids.map(|(name, id)| (name, id.to_string()));
        Self(ids.into_iter().chain([("client", client)]).collect())
    }

    /// One that is a UUID.
    pub fn uuid(&self, name: &str) -> Uuid {
        self.0[name].parse().unwrap()
    }

    /// The path with ids in it; `instead` stands in the place of one.
    pub fn fill(&self, path: &str, instead: Option<(&str, &str)>) -> String {
        let filled = self.0.iter().fold(path.to_owned(), |filled, (name, id)| {
            let text = instead.filter(|(other, _)| other == name).map_or(id.as_str(), |(_, text)| text);
            filled.replace(&format!("{{{name}}}"), text)
        });
        assert!(!filled.contains('{'), "{path} has an id that no story knows");
        filled
    }
}
