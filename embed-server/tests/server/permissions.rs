//! Every management route, asked by everybody. The routes are those of the served OpenAPI document, so a new one is asked
//! too, and fails here until it follows the rule: a member reads, an admin changes, an owner deletes sites.

use crate::app::{TestApp, json_of};
use crate::path_ids::PathIds;
use crate::people::HOME;
use crate::story;
use embed_core::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// One operation of the document.
struct Operation {
    method: Method,
    path: String,
    about: Value,
}

/// The management operations that the server says it has.
async fn operations(app: &TestApp) -> Vec<Operation> {
    let (_, document) = json_of(app.get("/api/openapi.json").send().await.unwrap()).await;
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, about) in item.as_object().unwrap() {
            if path.starts_with("/api/v1/sites") {
                let method = method.to_uppercase().parse().unwrap();
                operations.push(Operation { method, path: path.clone(), about: about.clone() });
            }
        }
    }
    assert!(operations.len() > 15, "the document has the management routes");
    operations
}

/// The rule.
fn needed(operation: &Operation) -> Role {
    match (operation.method.as_str(), operation.path.as_str()) {
        ("DELETE", "/api/v1/sites/{site}") => Role::Owner,
        // It lists people with their addresses.
        (_, path) if path.contains("/oauth-grants") => Role::Admin,
        ("GET", _) => Role::Member,
        _ => Role::Admin,
    }
}

async fn ask(app: &TestApp, operation: &Operation, path: &str, secret: Option<&str>) -> (u16, Value) {
    let mut request = app.request(operation.method.clone(), path);
    if let Some(secret) = secret {
        request = request.bearer_auth(secret);
    }
    // Who may make a site is decided by the organization that it is made in, once the body has said which.
    if (operation.method.as_str(), path) == ("POST", "/api/v1/sites") {
        let body = json!({ "name": "Shop" }).to_string();
        request = request.header("Content-Type", "application/json").body(body);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.text().await.unwrap();
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

story!(each_role_may_call_its_routes_and_a_stranger_none, |app| {
    let elsewhere = app.another_organization().await;
    let stranger = app.operator(elsewhere, Role::Owner).await;
    let mut insiders = Vec::new();
    for role in [Role::Member, Role::Admin, Role::Owner] {
        insiders.push((role, app.operator(HOME, role).await));
    }
    for operation in operations(&app).await {
        let Operation { method, path, about } = &operation;
        let needed = needed(&operation);
        assert_eq!(about["x-required-role"], needed.as_str(), "{method} {path}: the document says the rule");
        assert_eq!(about["security"], json!([{ "personalToken": [] }]), "{method} {path}");

        let ids = PathIds::new(&app, HOME).await;
        let filled = ids.fill(path, None);
        let (status, problem) = ask(&app, &operation, &filled, None).await;
        assert_eq!((status, &problem["code"]), (401, &"unauthenticated".into()), "{method} {path} by nobody");
        let (status, answer) = ask(&app, &operation, &filled, Some(&stranger)).await;
        match (method.as_str(), path.contains("{site}")) {
            (_, true) => {
                assert_eq!(
                    (status, &answer["code"]),
                    (404, &"site_not_found".into()),
                    "{method} {path} by a stranger"
                );
            }
            ("GET", _) => {
                assert!(!answer.to_string().contains(&ids.0["site"]), "{path}: {answer}")
            }
            _ => assert_eq!(answer["organizationId"], elsewhere.to_string(), "{path}: {answer}"),
        }
        for (role, secret) in &insiders {
            // Whoever may, may end what others ask for.
            let ids = PathIds::new(&app, HOME).await;
            let (status, problem) = ask(&app, &operation, &ids.fill(path, None), Some(secret)).await;
            if *role >= needed {
                assert!(
                    (200..300).contains(&status) || [400, 409, 415].contains(&status),
                    "{method} {path} by {role}: {status} {problem}"
                );
            } else {
                assert_eq!(
                    (status, &problem["code"]),
                    (403, &"forbidden".into()),
                    "{method} {path} by {role}"
                );
                let detail = problem["detail"].as_str().unwrap();
                assert!(detail.contains(&format!("needs the role {needed}")), "{method} {path}: {detail}");
            }
        }
    }
});

story!(an_id_of_another_tenant_is_an_id_that_is_not_there, |app| {
    let owner = app.operator(HOME, Role::Owner).await;
    let elsewhere = app.another_organization().await;
    let ours = PathIds::new(&app, HOME).await;
    let own_other = PathIds::new(&app, HOME).await;
    let theirs = PathIds::new(&app, elsewhere).await;
    let sibling = app.module(ours.uuid("site"), "chat").await;
    let siblings_domain = app.add(ours.uuid("site"), sibling, "sibling.test").await.id;
    for operation in operations(&app).await {
        let Operation { method, path, .. } = &operation;
        for (name, id) in &ours.0 {
            if !path.contains(&format!("{{{name}}}")) {
                continue;
            }
            let unknown = Uuid::now_v7();
            let mut wrong =
                vec![theirs.0[name].clone(), unknown.to_string(), "shop".to_owned(), "%00".to_owned()];
            if *name != "site" {
                wrong.push(own_other.0[name].clone());
            }
            if *name == "domain" {
                wrong.push(siblings_domain.to_string());
            }
            for wrong in wrong {
                let filled = ours.fill(path, Some((name, &wrong)));
                let (status, problem) = ask(&app, &operation, &filled, Some(&owner)).await;
                assert_eq!(
                    (status, &problem["code"]),
                    (404, &format!("{name}_not_found").into()),
                    "{method} {path} with {name} {wrong} in place of {id}: {problem}"
                );
            }
        }
    }
    let sites = app.get("/api/v1/sites").bearer_auth(&owner).send().await.unwrap();
    let (_, sites) = json_of(sites).await;
    assert_eq!(sites["data"].as_array().unwrap().len(), 2, "nothing was changed, and theirs are not listed");
});
