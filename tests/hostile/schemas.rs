//! Schemas that cost more than they look, at publish and with each record.

use crate::target::Target;
use crate::tenant::{Answer, Tenant, manifest};
use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

/// Publishes a module with each schema: refused with a sentence, or taken and then cheap.
async fn published(name: &'static str, schemas: &[Value]) -> Result<()> {
    let target = Target::new(name).await?;
    let tenant = Tenant::new(&target).await?;
    target
        .under(async {
            for schema in schemas {
                let answer = tenant.publish(&manifest(schema)).await?;
                ensure!([201, 422].contains(&answer.status), "{answer:?}");
                if answer.status == 201 {
                    let answer = tenant.create(&answer.records()?, &json!({ "text": "Hi" })).await?;
                    ensure!([201, 422].contains(&answer.status), "{answer:?}");
                }
            }
            Ok(())
        })
        .await
}

fn properties(count: usize, schema: &Value) -> Value {
    let properties: Map<_, _> = (0..count).map(|number| (format!("p{number}"), schema.clone())).collect();
    json!({ "type": "object", "properties": properties })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patterns_that_compile_to_gigabytes() -> Result<()> {
    let pattern = json!({ "type": "string", "pattern": r"(\pL%d{100}){90}" });
    let keys: Map<_, _> =
        (0..1200).map(|number| (format!("(\\pL{{90}}){{{}}}", number % 90), json!({}))).collect();
    let schemas = [
        properties(1200, &pattern),
        properties(1, &json!({ "pattern": "((a{1000}){1000}){1000}" })),
        properties(1, &json!({ "pattern": "(".repeat(100_000) })),
        json!({ "type": "object", "patternProperties": keys }),
        json!({ "type": "object", "propertyNames": { "pattern": r"(\pL{100}){90}" } }),
    ];
    published("patterns", &schemas).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemas_that_refer_to_themselves_or_are_huge() -> Result<()> {
    let doubling: Map<_, _> = (0..60)
        .map(|level| {
            let next = json!({ "$ref": format!("#/$defs/d{}", level + 1) });
            (format!("d{level}"), json!({ "allOf": [next, next, next] }))
        })
        .chain([("d60".to_owned(), json!({ "type": "object" }))])
        .collect();
    let choices: Vec<_> = (0..100_000).collect();
    let deep = (0..100).fold(json!({ "type": "string" }), |inner, _| json!({ "not": { "not": inner } }));
    let schemas = [
        json!({ "type": "object", "$ref": "#" }),
        json!({ "type": "object", "$defs": doubling, "$ref": "#/$defs/d0" }),
        properties(1, &json!({ "enum": choices })),
        properties(20_000, &json!({ "type": "string" })),
        properties(1, &deep),
        json!({ "type": "object", "$ref": "http://127.0.0.1:1/schema.json" }),
    ];
    published("references and sizes", &schemas).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_meet_every_branch() -> Result<()> {
    let target = Target::new("branches").await?;
    let tenant = Tenant::new(&target).await?;
    let branch = json!({ "items": { "type": "string", "minLength": 2 } });
    let body = json!({ "list": vec![1; 120_000] });
    target
        .under(async {
            for (count, word) in [(10, "anyOf"), (10, "allOf"), (50, "anyOf"), (50, "oneOf"), (4900, "anyOf")]
            {
                let list = json!({ word: vec![branch.clone(); count] });
                let schema = json!({ "type": "object", "properties": { "list": list } });
                let published = tenant.publish(&manifest(&schema)).await?;
                if published.status == 422 {
                    continue;
                }
                ensure!(published.status == 201, "{published:?}");
                let records = published.records()?;
                let answers = tokio::try_join!(
                    tenant.create(&records, &body),
                    tenant.create(&records, &body),
                    tenant.create(&records, &body),
                )?;
                for answer in <[Answer; 3]>::from(answers) {
                    // 503 where as much work as there may be is being done.
                    ensure!([422, 503].contains(&answer.status), "{count} {word}: {answer:?}");
                }
            }
            Ok(())
        })
        .await
}
