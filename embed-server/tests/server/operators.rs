//! People: who is in the organization, what each may do, and the tokens of their programs.

use crate::app::json_of;
use crate::people::HOME;
use crate::story;
use chrono::TimeDelta;
use embed_base::Code;
use embed_base::db::Tx;
use embed_base::events::activity::Actor;
use embed_core::accounts::{Accounts, Email, Role};
use embed_testing::until;
use std::time::Duration;

const TWO_SECONDS: Duration = Duration::from_secs(2);

story!(people_are_invited_listed_and_given_roles_by_commands, |app| {
    let ada = app.command_json(&["user", "invite", "Ada@Example.com", "--owner", "--name", "Ada"]);
    assert_eq!((&ada["email"], &ada["role"]), (&"ada@example.com".into(), &"owner".into()));
    let bob = app.command_json(&["user", "invite", "bob@example.com", "--role", "admin"]);
    assert_eq!((&bob["name"], &bob["role"]), (&"bob".into(), &"admin".into()));
    app.command_json(&["user", "invite", "eve@example.com"]);
    let roles = || {
        let list = app.command_json(&["user", "list"]);
        let people = list["data"].as_array().unwrap().clone();
        people.iter().map(|person| person["role"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(roles(), ["owner", "admin", "member"]);
    assert_eq!(app.command_json(&["user", "role", "EVE@example.com", "admin"])["role"], "admin");
    app.command_json(&["user", "remove", "bob@example.com"]);
    assert_eq!(roles(), ["owner", "admin"]);

    for (arguments, words) in [
        (vec!["user", "invite", "ada@example.com"], "ada@example.com is already a member."),
        (vec!["user", "invite", "ada"], "`ada` is not an email address; expected one such as"),
        (vec!["user", "invite", "x@example.com", "--role", "root"], "`root` is not a role; expected owner"),
        (vec!["user", "invite", "x@example.com", "--name", " "], "1 to 200 characters in one line"),
        (
            vec!["user", "role", "bob@example.com", "owner"],
            "There is nobody with the address bob@example.com here.",
        ),
        (vec!["user", "role", "ada@example.com", "admin"], "ada@example.com is the last owner."),
        (vec!["user", "remove", "ada@example.com"], "ada@example.com is the last owner."),
        (
            vec!["user", "token", "nobody@example.com"],
            "There is nobody with the address nobody@example.com here.",
        ),
        (vec!["user", "token", "ada@example.com", "--expires", "soon"], "expected a number with d (days)"),
        (vec!["user", "revoke", "ada@example.com", "abcdefgh"], "has no token that begins with abcdefgh"),
    ] {
        let output = app.command(&arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains(words) && said.trim_end().lines().count() == 1, "{arguments:?}: {said}");
    }
    assert_eq!(roles(), ["owner", "admin"], "nothing was changed");
});

story!(of_two_owners_who_leave_at_once_one_stays, |app| {
    let accounts = Accounts::new(&app.context);
    let owners = ["ada@example.com", "bob@example.com"].map(|text| Email::parse(text).unwrap());
    for owner in &owners {
        accounts.invite(&Actor::CommandLine, HOME, owner.clone(), None, Role::Owner).await.unwrap();
    }
    // They meet often enough in twenty rounds that a missing lock shows.
    for _ in 0..20 {
        let (first, second) = tokio::join!(
            accounts.set_role(&Actor::CommandLine, HOME, &owners[0], Role::Admin),
            accounts.set_role(&Actor::CommandLine, HOME, &owners[1], Role::Member)
        );
        let refused: Vec<_> = [first, second].into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert_eq!((refused[0].status().as_u16(), refused[0].code()), (409, Code::LastOwner));
        for owner in &owners {
            accounts.set_role(&Actor::CommandLine, HOME, owner, Role::Owner).await.unwrap();
        }
    }
});

story!(a_personal_token_opens_the_management_routes_until_it_is_revoked, |app| {
    app.command_json(&["user", "invite", "ada@example.com", "--owner"]);
    let made = app.command_json(&["user", "token", "ada@example.com"]);
    let secret = made["token"].as_str().unwrap();
    assert!(secret.starts_with(&format!("dram_user_{}", made["prefix"].as_str().unwrap())), "{made}");
    let status =
        async || app.get("/api/v1/sites").bearer_auth(secret).send().await.unwrap().status().as_u16();
    until("the token to be seen", TWO_SECONDS, async || status().await == 200).await;
    let list = app.command_json(&["user", "tokens", "ada@example.com"]);
    assert_eq!(list["data"][0]["prefix"], made["prefix"]);
    assert!(!list.to_string().contains(secret), "it is shown once");

    app.command_json(&["user", "revoke", "ada@example.com", made["prefix"].as_str().unwrap()]);
    until("the revocation to be seen", TWO_SECONDS, async || status().await == 401).await;
    assert_eq!(app.command_json(&["user", "tokens", "ada@example.com"])["data"], serde_json::json!([]));
});

story!(a_token_ends_when_it_said_and_may_no_more_than_its_person, |app| {
    let accounts = Accounts::new(&app.context);
    let email = Email::parse("ada@example.com").unwrap();
    accounts.invite(&Actor::CommandLine, HOME, email.clone(), None, Role::Admin).await.unwrap();
    accounts
        .invite(&Actor::CommandLine, HOME, Email::parse("bob@example.com").unwrap(), None, Role::Owner)
        .await
        .unwrap();
    let (_, ending) =
        accounts.token(&Actor::CommandLine, &email, "A program", Some(TimeDelta::hours(1))).await.unwrap();
    let (_, lasting) = accounts.token(&Actor::CommandLine, &email, "A program", None).await.unwrap();
    app.settle().await;
    let list = async |secret: &embed_base::secrets::Bearer| {
        json_of(app.get("/api/v1/sites").bearer_auth(secret.reveal()).send().await.unwrap()).await
    };
    app.site().await;
    assert_eq!(list(&ending).await.1["data"].as_array().unwrap().len(), 1);
    app.context.clock.advance(TimeDelta::hours(1));
    assert_eq!(list(&ending).await.0, 401);
    assert_eq!(list(&lasting).await.0, 200);

    accounts.remove(&Actor::CommandLine, HOME, &email).await.unwrap();
    app.settle().await;
    assert_eq!(list(&lasting).await.0, 401, "who has left opens nothing");
    accounts.invite(&Actor::CommandLine, HOME, email.clone(), None, Role::Admin).await.unwrap();
    app.settle().await;
    assert_eq!(list(&lasting).await.0, 401, "and his old tokens do not come back with him");
});

story!(whatever_is_no_personal_token_is_told_what_is_wanted, |app| {
    let good = app.operator(HOME, Role::Owner).await;
    let cut = &good[..good.len() - 1];
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let live = app.token(site, module, serde_json::json!({ "scopes": ["read"] })).await;
    let unknown = "dram_user_000000000000000000000000000000000PoOfk";
    for (value, words) in [
        (None, "Management needs a personal token, as `Authorization: Bearer dram_user_…`."),
        (Some(format!("Bearer {live}")), "This is an API token, which is for a module's data"),
        (Some(format!("Bearer {cut}")), "nothing cut off"),
        (Some(format!("Basic {good}")), "nothing cut off"),
        (Some(good.clone()), "nothing cut off"),
        (Some(format!("Bearer {unknown}")), ""),
        (Some("Bearer ".to_owned()), "nothing cut off"),
    ] {
        let mut request = app.get("/api/v1/sites");
        if let Some(value) = &value {
            request = request.header("Authorization", value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let (status, problem) = json_of(response).await;
        assert_eq!((status.as_u16(), &problem["code"]), (401, &"unauthenticated".into()), "{value:?}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{value:?}: {problem}");
    }
    let shouted = app.get("/api/v1/sites").header("Authorization", format!("BEARER {good}"));
    assert_eq!(shouted.send().await.unwrap().status(), 200, "the scheme's case says nothing");
});

story!(a_personal_token_that_ended_long_ago_is_deleted, |app| {
    let accounts = Accounts::new(&app.context);
    let email = Email::parse("ann@example.com").unwrap();
    accounts.invite(&Actor::CommandLine, HOME, email.clone(), None, Role::Owner).await.unwrap();
    let mut prefixes = Vec::new();
    for lifetime in [Some(TimeDelta::hours(1)), None, None] {
        let (token, _) = accounts.token(&Actor::CommandLine, &email, "A program", lifetime).await.unwrap();
        prefixes.push(token.prefix);
    }
    accounts.revoke(&Actor::CommandLine, &email, Some(&prefixes[1])).await.unwrap();
    let kept = async || {
        let text = "SELECT token_prefix FROM user_tokens ORDER BY id";
        let kept: Vec<String> = match app.context.db.read_global().await.unwrap() {
            Tx::Sqlite(mut tx) => sqlx::query_scalar(text).fetch_all(&mut *tx).await.unwrap(),
            Tx::Postgres(mut tx) => sqlx::query_scalar(text).fetch_all(&mut *tx).await.unwrap(),
        };
        kept
    };
    app.context.clock.advance(TimeDelta::days(30));
    accounts.prune().await.unwrap();
    assert_eq!(kept().await, prefixes, "for a month their owner can be told what became of them");
    app.context.clock.advance(TimeDelta::hours(2));
    accounts.prune().await.unwrap();
    assert_eq!(kept().await, prefixes[2..]);
});
