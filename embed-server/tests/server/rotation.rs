//! Giving a token a new secret: the app that uses it is moved without a gap, and nobody is left with more than he had.

use crate::story;
use chrono::TimeDelta;
use embed_base::Code;
use embed_base::events::activity::Actor;
use embed_core::tokens::Tokens;
use futures_util::future::join_all;
use serde_json::json;

story!(a_rotated_token_overlaps_with_its_successor, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let old = app.token(site, module, json!({ "scopes": ["read"], "allowedIps": ["127.0.0.0/8"] })).await;
    let tokens = Tokens::new(&app.context);
    let id = tokens.list(site, module).await.unwrap()[0].id;
    let new = tokens.rotate(&Actor::CommandLine, site, id, Some(TimeDelta::hours(2))).await.unwrap();
    app.settle().await;
    let path = format!("/api/v1/modules/{module}/nothing");
    let status =
        async |secret: &str| app.get(&path).bearer_auth(secret).send().await.unwrap().status().as_u16();
    assert_eq!((status(&old).await, status(&new.token).await), (404, 404));
    assert_eq!(new.details.allowed_ips.as_ref().unwrap().0, ["127.0.0.0/8"], "it may do the same");
    app.context.clock.advance(TimeDelta::hours(2));
    assert_eq!((status(&old).await, status(&new.token).await), (401, 404));
    let ended = tokens.rotate(&Actor::CommandLine, site, id, None).await.unwrap_err();
    assert_eq!(ended.code(), Code::TokenEnded);

    app.context.clock.advance(TimeDelta::days(31));
    assert_eq!(tokens.prune().await.unwrap(), 1, "what ended a month ago is forgotten");
    assert_eq!(tokens.list(site, module).await.unwrap().len(), 1);
});

story!(a_successor_ends_when_the_first_token_would_have, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let end = app.context.clock.now() + TimeDelta::days(30);
    app.token(site, module, json!({ "scopes": ["read"], "expiresAt": end })).await;
    app.token(site, module, json!({ "scopes": ["read"] })).await;
    let tokens = Tokens::new(&app.context);
    let by = &Actor::CommandLine;
    for token in tokens.list(site, module).await.unwrap() {
        let (second, hour) = (TimeDelta::seconds(1), Some(TimeDelta::hours(1)));
        let next = tokens.rotate(by, site, token.id, hour).await.unwrap();
        assert_eq!(next.details.expires_at, token.expires_at);
        app.context.clock.advance(second);
        let again = tokens.rotate(by, site, token.id, hour).await.unwrap_err();
        assert_eq!(again.code(), Code::TokenReplaced, "what is left of its time is no token's to inherit");
        let after = tokens.rotate(by, site, next.details.id, hour).await.unwrap();
        assert_eq!(after.details.expires_at, token.expires_at);
    }
});

story!(of_many_rotations_of_a_token_at_once_one_succeeds, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    app.token(site, module, json!({ "scopes": ["read"] })).await;
    let tokens = Tokens::new(&app.context);
    let id = tokens.list(site, module).await.unwrap()[0].id;
    let rotations = (0..8).map(|_| {
        let tokens = tokens.clone();
        tokio::spawn(async move { tokens.rotate(&Actor::CommandLine, site, id, None).await })
    });
    let answers: Vec<_> = join_all(rotations).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(
        answers
            .iter()
            .filter_map(|answer| answer.as_ref().err())
            .all(|error| error.code() == Code::TokenReplaced)
    );
    assert_eq!(tokens.list(site, module).await.unwrap().len(), 2);
});

story!(a_token_that_is_revoked_meanwhile_gets_no_successor, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let tokens = Tokens::new(&app.context);
    let by = &Actor::CommandLine;
    for _ in 0..20 {
        app.token(site, module, json!({ "scopes": ["read"] })).await;
        let id = tokens.list(site, module).await.unwrap()[0].id;
        let (rotated, revoked) = tokio::join!(tokens.rotate(by, site, id, None), tokens.revoke(by, site, id));
        revoked.unwrap();
        let happened = app.events(site).await;
        let last = happened.last().unwrap().as_str();
        match rotated {
            Ok(_) => assert_eq!(last, "token.revoked", "it was rotated before it was revoked"),
            Err(error) => assert_eq!((error.code(), last), (Code::TokenEnded, "token.revoked")),
        }
    }
});
