//! How often modules are shown and refused: what is counted, under which names, and who may see it.

use crate::app::{TestApp, json_of};
use crate::people::HOME;
use crate::story;
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::Code;
use embed_base::Context;
use embed_base::db::{Db, Tx};
use embed_base::events::activity::Actor;
use embed_core::accounts::Role;
use embed_core::requests::Requests;
use embed_core::sites::Sites;
use embed_core::views::{OriginViews, View, Views, counting};
use embed_server::app::Server;
use embed_testing::until;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// A site whose module `feedback` may be embedded by example.test and everything below shop.test.
async fn installed(app: &TestApp) -> (Uuid, Uuid) {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    app.allow(site, module, "example.test").await;
    app.allow(site, module, "*.shop.test").await;
    (site, module)
}

/// Waits until so many views of a site are in the database.
async fn counted(app: &TestApp, site: Uuid, count: i64) {
    let views = Views::new(&app.context);
    let sum = async || {
        let hours = views.per_hour(site, None, None, None).await.unwrap();
        hours.iter().map(|hour| hour.shown + hour.blocked).sum::<i64>()
    };
    until(&format!("{count} views to be counted"), WAIT_LIMIT, async || sum().await >= count).await;
    assert_eq!(sum().await, count, "none is counted twice");
}

/// Asks as a page of `origin` that wants the module to appear as this type.
async fn ask_for(app: &TestApp, origin: &str, site: Uuid, module: Uuid, embed_type: &str) {
    let body = json!({ "siteId": site, "moduleId": module, "origin": origin, "type": embed_type });
    app.ask_with(origin, &body).send().await.unwrap();
}

async fn per_hour(context: &Context, site: Uuid, module: Option<Uuid>) -> Vec<(String, i64, i64)> {
    let hours = Views::new(context).per_hour(site, module, None, None).await.unwrap();
    hours.into_iter().map(|hour| (hour.hour, hour.shown, hour.blocked)).collect()
}

/// By origin and type how often it was shown and refused, sorted.
async fn by_origin(app: &TestApp, site: Uuid) -> Vec<(String, String, i64, i64)> {
    let found = Views::new(&app.context).by_origin(site, None, None, None).await.unwrap();
    let mut found: Vec<_> =
        found.into_iter().map(|views| (views.origin, views.embed_type, views.shown, views.blocked)).collect();
    found.sort();
    found
}

story!(what_is_shown_is_counted_per_hour_origin_and_type, |app| {
    let (site, module) = installed(&app).await;
    let other = app.module(site, "chat").await;
    app.allow(site, other, "example.test").await;
    let (example, shop) = ("https://example.test", "https://a.shop.test:8443");
    app.verdict(example, site, module).await;
    app.verdict(example, site, module).await;
    ask_for(&app, example, site, module, "popup").await;
    counted(&app, site, 3).await;
    // What comes later is added to what is there.
    app.verdict(example, site, module).await;
    app.verdict(shop, site, module).await;
    counted(&app, site, 5).await;
    let own = |origin: &str, embed_type: &str, shown| (origin.to_owned(), embed_type.to_owned(), shown, 0);
    assert_eq!(
        by_origin(&app, site).await,
        [own(shop, "", 1), own(example, "", 3), own(example, "popup", 1)]
    );

    app.context.clock.advance(TimeDelta::minutes(90));
    ask_for(&app, example, site, module, "widget").await;
    ask_for(&app, example, site, other, "inline").await;
    counted(&app, site, 7).await;
    let (eight, nine) = ("2027-01-15T08:00:00Z".to_owned(), "2027-01-15T09:00:00Z".to_owned());
    assert_eq!(per_hour(&app.context, site, None).await, [(eight.clone(), 5, 0), (nine.clone(), 2, 0)]);
    assert_eq!(
        per_hour(&app.context, site, Some(module)).await,
        [(eight.clone(), 5, 0), (nine.clone(), 1, 0)]
    );
    assert_eq!(per_hour(&app.context, site, Some(other)).await, [(nine.clone(), 1, 0)]);
    let views = Views::new(&app.context);
    let latest = views.by_origin(site, Some(module), None, None).await.unwrap().remove(0);
    let expected = OriginViews {
        module_id: module,
        origin: example.to_owned(),
        embed_type: "widget".to_owned(),
        shown: 1,
        blocked: 0,
        last_code: None,
        last_at: app.context.clock.now(),
    };
    assert_eq!(latest, expected, "the most recent comes first");

    // An hour counts whole where any of it is meant.
    let time = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
    for (from, to, hours) in [
        (time("2027-01-15T08:59:59.999999999Z"), None, vec![&eight, &nine]),
        (time("2027-01-15T09:00:00Z"), None, vec![&nine]),
        (time("2027-01-15T08:59:59Z"), time("2027-01-15T09:00:00Z"), vec![&eight]),
        (None, time("2027-01-15T09:00:00.000001Z"), vec![&eight, &nine]),
        (None, time("2027-01-15T08:00:00Z"), vec![]),
    ] {
        let found = views.per_hour(site, None, from, to).await.unwrap();
        assert_eq!(found.iter().map(|found| &found.hour).collect::<Vec<_>>(), hours, "{from:?} {to:?}");
    }
    assert!(app.context.metrics.render().contains("embed_views_total{outcome=\"shown\"} 7\n"));
});

story!(what_is_refused_is_counted_with_its_code, |app| {
    let (site, module) = installed(&app).await;
    let inline =
        app.publish(site, &json!({ "name": "form", "version": "1.0.0", "embedTypes": ["inline"] })).await;
    app.allow(site, inline, "example.test").await;
    let pending = "https://pending.test";
    app.verdict(pending, site, module).await;
    app.context.clock.advance(TimeDelta::minutes(1));
    ask_for(&app, "https://example.test", site, inline, "popup").await;
    // There is nobody to tell of these.
    app.verdict("https://example.test", Uuid::now_v7(), module).await;
    app.verdict("https://example.test", site, Uuid::now_v7()).await;
    app.verdict("http://example.test", site, module).await;
    counted(&app, site, 2).await;
    let found = async || Views::new(&app.context).by_origin(site, None, None, None).await.unwrap();
    let refused = |module_id, origin: &str, embed_type: &str, blocked, code: &str, last_at| OriginViews {
        module_id,
        origin: origin.to_owned(),
        embed_type: embed_type.to_owned(),
        shown: 0,
        blocked,
        last_code: Some(code.to_owned()),
        last_at,
    };
    let now = app.context.clock.now();
    assert_eq!(
        found().await,
        [
            refused(inline, "https://example.test", "popup", 1, "type_not_allowed", now),
            refused(module, pending, "", 1, "origin_not_allowed", now - TimeDelta::minutes(1)),
        ]
    );

    // In the same hour and in the next one the last code is the one that is told.
    let domain = app.add(site, module, "pending.test").await;
    app.verdict(pending, site, module).await;
    counted(&app, site, 3).await;
    let at = app.context.clock.now();
    assert_eq!(found().await[0], refused(module, pending, "", 2, "domain_not_verified", at));
    app.domains().remove(&Actor::CommandLine, site, domain.id).await.unwrap();
    app.settle().await;
    app.context.clock.advance(TimeDelta::hours(1));
    app.verdict(pending, site, module).await;
    counted(&app, site, 4).await;
    let at = app.context.clock.now();
    assert_eq!(found().await[0], refused(module, pending, "", 3, "origin_not_allowed", at));

    // A page that is allowed at last keeps the code of its last refusal.
    app.allow(site, module, "pending.test").await;
    app.verdict(pending, site, module).await;
    counted(&app, site, 5).await;
    let at = app.context.clock.now();
    let expected = OriginViews { shown: 1, ..refused(module, pending, "", 3, "origin_not_allowed", at) };
    assert_eq!(found().await[0], expected);
    assert_eq!(
        per_hour(&app.context, site, None).await,
        [("2027-01-15T08:00:00Z".to_owned(), 0, 3), ("2027-01-15T09:00:00Z".to_owned(), 1, 1)]
    );
    let metrics = app.context.metrics.render();
    assert!(metrics.contains("embed_views_total{outcome=\"blocked\"} 4\n"), "{metrics}");
});

story!(made_up_origins_are_counted_together, |app| {
    let (site, module) = installed(&app).await;
    app.verdict("https://example.test", site, module).await;
    app.verdict("https://known.evil.test", site, module).await;
    counted(&app, site, 2).await;
    for number in 0..60 {
        app.verdict(&format!("https://e{number}.evil.test"), site, module).await;
    }
    for number in 0..210 {
        app.verdict(&format!("https://s{number}.shop.test"), site, module).await;
    }
    counted(&app, site, 272).await;
    // What has its place keeps it through the flood, and what has none gets none later.
    app.verdict("https://example.test", site, module).await;
    app.verdict("https://known.evil.test", site, module).await;
    app.verdict("https://s209.shop.test", site, module).await;
    counted(&app, site, 275).await;

    let rows = rows(&app).await;
    let named =
        |shown: bool| rows.iter().filter(move |row| !row.0.is_empty() && (row.1 > 0) == shown).count();
    assert_eq!((named(true), named(false)), (200, 50));
    assert!(rows.contains(&("https://example.test".to_owned(), 2, 0)));
    assert!(rows.contains(&("https://known.evil.test".to_owned(), 0, 2)));
    assert!(rows.contains(&(String::new(), 12, 11)), "210 and 1 on 199 places, 60 on 49, and once more");
    let listed = Views::new(&app.context).by_origin(site, None, None, None).await.unwrap();
    assert_eq!(listed.len(), 200, "a list ends somewhere");

    app.context.clock.advance(TimeDelta::hours(1));
    app.verdict("https://s209.shop.test", site, module).await;
    counted(&app, site, 276).await;
    let listed = Views::new(&app.context).by_origin(site, None, None, None).await.unwrap();
    assert_eq!(listed[0].origin, "https://s209.shop.test", "the next hour has places again");
});

/// Origin, shown and blocked of every row.
async fn rows(app: &TestApp) -> Vec<(String, i64, i64)> {
    let text = "SELECT origin, shown, blocked FROM module_views";
    match app.context.db.read_global().await.unwrap() {
        Tx::Sqlite(mut tx) => sqlx::query_as(text).fetch_all(&mut *tx).await.unwrap(),
        Tx::Postgres(mut tx) => sqlx::query_as(text).fetch_all(&mut *tx).await.unwrap(),
    }
}

fn view<'a>(app: &TestApp, site: Uuid, module: Uuid, refused: Option<Code>) -> View<'a> {
    let at = app.context.clock.now();
    View { site, module, origin: "https://example.test", embed_type: None, refused, at }
}

story!(the_counts_of_other_modules_are_kept_when_one_is_deleted, |app| {
    let (site, gone) = (app.site().await, app.site().await);
    let module = app.module(site, "feedback").await;
    let (counter, writer) = counting(&app.context);
    let deleted = app.module(gone, "feedback").await;
    for module in [deleted, Uuid::now_v7()] {
        counter.count(&view(&app, gone, module, None));
    }
    counter.count(&view(&app, site, module, None));
    // A module of one tenant counts nothing for another.
    counter.count(&view(&app, gone, module, None));
    Sites::new(&app.context).delete(&Actor::CommandLine, gone).await.unwrap();
    drop(counter);
    writer.run().await;
    assert_eq!(rows(&app).await.len(), 1);
    assert_eq!(per_hour(&app.context, site, None).await, [("2027-01-15T08:00:00Z".to_owned(), 1, 0)]);
});

/// The module is still there when it is looked for, and gone when its row is to refer to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_counts_of_other_modules_are_kept_when_one_is_deleted_meanwhile() {
    let Some(database) = embed_testing::Database::postgres().await else { return };
    let app = TestApp::start(database).await;
    let site = app.site().await;
    let (module, going) = (app.module(site, "feedback").await, app.module(site, "chat").await);
    let (counter, writer) = counting(&app.context);
    counter.count(&view(&app, site, module, None));
    counter.count(&view(&app, site, going, None));
    drop(counter);
    let mut change = app.context.change_unlisted(site, None).await.unwrap();
    let Tx::Postgres(tx) = &mut *change else { panic!("this is PostgreSQL") };
    let text = "DELETE FROM site_modules WHERE id = $1";
    sqlx::query(text).bind(going).execute(&mut **tx).await.unwrap();
    let writing = tokio::spawn(writer.run());
    let Db::Postgres(pool) = &app.context.db else { panic!("this is PostgreSQL") };
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("the writer to wait for the module", WAIT_LIMIT, async || {
        sqlx::query_scalar::<_, i64>(waiting).fetch_one(pool).await.unwrap() > 0
    })
    .await;
    change.commit_unlisted().await.unwrap();
    writing.await.unwrap();
    assert_eq!(per_hour(&app.context, site, None).await, [("2027-01-15T08:00:00Z".to_owned(), 1, 0)]);
}

story!(what_was_counted_is_written_before_a_server_ends, |app| {
    let (site, module) = installed(&app).await;
    app.verdict("https://example.test", site, module).await;
    app.verdict("https://evil.test", site, module).await;
    let TestApp { server, context, database: _database, .. } = app;
    let settings = context.settings.clone();
    server.stop().await;
    let reopened =
        embed_server::open_with(settings, context.clock.clone(), context.random.clone()).await.unwrap();
    assert_eq!(per_hour(&reopened, site, None).await, [("2027-01-15T08:00:00Z".to_owned(), 1, 1)]);
});

story!(views_are_for_whom_the_site_belongs_to, |app| {
    let (site, module) = installed(&app).await;
    let elsewhere = app.another_organization().await;
    let theirs = Sites::new(&app.context).create(&Actor::CommandLine, elsewhere, "Theirs").await.unwrap().id;
    let their_module = app.module(theirs, "feedback").await;
    app.verdict("https://example.test", site, module).await;
    app.verdict("https://evil.test", theirs, their_module).await;
    app.verdict("https://evil.test", theirs, their_module).await;
    counted(&app, site, 1).await;
    counted(&app, theirs, 2).await;

    let member = app.operator(HOME, Role::Member).await;
    let ask = async |site: Uuid, rest: &str| {
        let response = app.get(&format!("/api/v1/sites/{site}/{rest}")).bearer_auth(&member).send().await;
        let (status, answer) = json_of(response.unwrap()).await;
        (status.as_u16(), answer)
    };
    let now = app.context.clock.now();
    let listed = json!({ "data": [{
        "moduleId": module,
        "origin": "https://example.test",
        "embedType": "",
        "shown": 1,
        "blocked": 0,
        "lastCode": null,
        "lastAt": now,
    }] });
    let hours = json!({ "data": [{ "hour": "2027-01-15T08:00:00Z", "shown": 1, "blocked": 0 }] });
    let nothing = json!({ "data": [] });
    assert_eq!(ask(site, "views").await, (200, listed.clone()));
    assert_eq!(ask(site, "views/per-hour").await, (200, hours.clone()));
    assert_eq!(ask(site, &format!("views?module={module}&from=2027-01-01T00:00:00Z")).await, (200, listed));
    assert_eq!(ask(site, &format!("views/per-hour?module={module}")).await, (200, hours));
    for rest in ["views", "views/per-hour"] {
        for without in [format!("module={their_module}"), "to=2027-01-15T08:00:00Z".to_owned()] {
            assert_eq!(ask(site, &format!("{rest}?{without}")).await, (200, nothing.clone()), "{without}");
        }
        let (status, problem) = ask(theirs, rest).await;
        assert_eq!((status, &problem["code"]), (404, &Value::from("site_not_found")));
        for wrong in ["module=x", "from=2026-12-01T00:00:00Z", "to=-1000-01-01T00:00:00Z", "more=1"] {
            let (status, problem) = ask(site, &format!("{rest}?{wrong}")).await;
            assert_eq!((status, &problem["code"]), (400, &Value::from("invalid_request")), "{wrong}");
        }
    }

    if let Db::Postgres(_) = &app.context.db {
        let count = async |tx: Tx| {
            let Tx::Postgres(mut tx) = tx else { panic!("this is PostgreSQL") };
            let text = "SELECT count(*) FROM module_views";
            sqlx::query_scalar::<_, i64>(text).fetch_one(&mut *tx).await.unwrap()
        };
        assert_eq!(count(app.context.db.read(site).await.unwrap()).await, 1, "row-level security holds");
        assert_eq!(count(app.context.db.read_global().await.unwrap()).await, 2);
    }
});

story!(an_organization_sees_its_sites_together, |app| {
    let (site, module) = installed(&app).await;
    let (second, second_module) = installed(&app).await;
    let elsewhere = app.another_organization().await;
    let theirs = Sites::new(&app.context).create(&Actor::CommandLine, elsewhere, "Theirs").await.unwrap().id;
    let their_module = app.module(theirs, "feedback").await;
    app.verdict("https://example.test", site, module).await;
    app.verdict("https://example.test", second, second_module).await;
    app.verdict("https://evil.test", second, second_module).await;
    app.verdict("https://evil.test", theirs, their_module).await;
    for (site, count) in [(site, 1), (second, 2), (theirs, 1)] {
        counted(&app, site, count).await;
    }
    let eight = "2027-01-15T08:00:00Z".to_owned();
    let views = Views::new(&app.context);
    let of = async |organization, to| {
        let hours = views.organization_per_hour(organization, None, to).await.unwrap();
        hours.into_iter().map(|hour| (hour.hour, hour.shown, hour.blocked)).collect::<Vec<_>>()
    };
    assert_eq!(of(HOME, None).await, [(eight.clone(), 2, 1)]);
    assert_eq!(of(elsewhere, None).await, [(eight.clone(), 0, 1)]);
    assert_eq!(of(Uuid::now_v7(), None).await, []);
    assert_eq!(of(HOME, Some(app.context.clock.now())).await, [], "the hour begins when the span ends");

    // The calls of its modules' APIs are counted in the same way.
    for (module, calls) in [(module, 1), (second_module, 2), (their_module, 4)] {
        for _ in 0..calls {
            app.get(&format!("/api/v1/modules/{module}/nothing")).send().await.unwrap();
        }
    }
    let requests = Requests::new(&app.context);
    let of = async |organization, to| {
        let hours = requests.organization_per_hour(organization, None, to).await.unwrap();
        hours.into_iter().map(|hour| (hour.hour, hour.requests, hour.refused)).collect::<Vec<_>>()
    };
    let all = async || requests.after(Uuid::nil(), 10).await.unwrap().len();
    until("7 calls to be in the log", WAIT_LIMIT, async || all().await == 7).await;
    assert_eq!(of(HOME, None).await, [(eight.clone(), 3, 3)]);
    assert_eq!(of(elsewhere, None).await, [(eight, 4, 4)]);
    assert_eq!(of(HOME, Some(app.context.clock.now())).await, []);
});

story!(old_views_are_deleted_with_the_log, |app| {
    let (site, module) = installed(&app).await;
    app.verdict("https://example.test", site, module).await;
    counted(&app, site, 1).await;
    let views = Views::new(&app.context);
    let count = async || rows(&app).await.len();
    app.context.clock.advance(TimeDelta::days(30) + TimeDelta::minutes(59));
    app.verdict("https://example.test", site, module).await;
    counted(&app, site, 1).await;
    views.prune().await.unwrap();
    assert_eq!(count().await, 2, "some of the hour is not older than 30 days");

    // The turn of the server that runs is over; another that starts tidies up.
    app.context.clock.advance(TimeDelta::minutes(1));
    let _another = Server::start(app.context.clone()).await.unwrap();
    until("the old hour to be forgotten", WAIT_LIMIT, async || count().await == 1).await;
    counted(&app, site, 1).await;
});
