//! One of everything that the path of a route or a page can name.

use crate::app::TestApp;
use embed_base::events::activity::Actor;
use embed_core::accounts::{Accounts, Email, Role};
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What may stand in a path, each belonging to the others.
pub struct PathIds(pub BTreeMap<&'static str, Uuid>);

impl PathIds {
    pub async fn new(app: &TestApp, organization: Uuid) -> Self {
        let sites = embed_core::sites::Sites::new(&app.context);
        let site = sites.create(&Actor::CommandLine, organization, "A site").await.unwrap().id;
        let module = app.module(site, "feedback").await;
        let domain = app.add(site, module, "example.test").await.id;
        app.token(site, module, json!({ "scopes": ["read"] })).await;
        let token = embed_core::tokens::Tokens::new(&app.context).list(site, module).await.unwrap()[0].id;
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
        ];
        Self(ids.into())
    }

    /// The path with ids in it; `instead` stands in the place of one.
    pub fn fill(&self, path: &str, instead: Option<(&str, &str)>) -> String {
        let filled = self.0.iter().fold(path.to_owned(), |filled, (name, id)| {
            let text = instead
                .filter(|(other, _)| other == name)
                .map_or(id.to_string(), |(_, text)| text.to_owned());
            filled.replace(&format!("{{{name}}}"), &text)
        });
        assert!(!filled.contains('{'), "{path} has an id that no story knows");
        filled
    }
}
