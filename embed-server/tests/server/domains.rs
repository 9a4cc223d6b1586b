//! The life of an allowed domain.

use crate::app::record_name;
use crate::story;
use chrono::TimeDelta;
use embed_base::Code;
use embed_base::events::activity::Actor;
use embed_core::domains::Method;

story!(a_pending_domain_becomes_active_when_its_record_is_found, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let domain = app.add(site, module, "example.test").await;
    assert!(!domain.verified);
    assert_eq!(domain.verification_token.len(), 64);

    let error =
        app.domains().verify(&Actor::CommandLine, site, domain.id, Some(Method::Dns)).await.unwrap_err();
    assert_eq!(error.code(), Code::VerificationFailed);
    assert!(error.detail().contains("_dramac-verify.example.test"), "{error}");

    app.prove(&domain).await;
    app.context.clock.advance(TimeDelta::minutes(2));
    assert_eq!(app.domains().check_due().await.unwrap(), 1);
    app.settle().await;
    assert_eq!(app.verdict("https://example.test", site, module).await, "allowed");
    assert_eq!(
        app.events(site).await,
        ["module.published", "domain.added", "dns.verified", "domain.verified", "domain.active"]
    );
});

story!(a_proof_that_is_gone_for_three_days_ends_the_verification, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let domain = app.allow(site, module, "example.test").await;
    app.names.clear(&record_name(&domain)).await;
    for day in 1..=3 {
        assert_eq!(app.verdict("https://example.test", site, module).await, "allowed", "day {day}");
        app.context.clock.advance(TimeDelta::days(1));
        assert_eq!(app.domains().check_due().await.unwrap(), 1);
        assert_eq!(app.domains().check_due().await.unwrap(), 0, "once a day is enough");
        app.settle().await;
    }
    let events = app.events(site).await;
    assert_eq!(
        events[5..],
        [
            "dns.check_failed",
            "domain.expiring_soon",
            "dns.check_failed",
            "domain.expiring_soon",
            "dns.check_failed",
            "domain.error"
        ]
    );
    assert_eq!(app.verdict("https://example.test", site, module).await, "domain_not_verified");

    app.prove(&domain).await;
    app.context.clock.advance(TimeDelta::hours(1));
    assert_eq!(app.domains().check_due().await.unwrap(), 1);
    app.settle().await;
    assert_eq!(app.verdict("https://example.test", site, module).await, "allowed");
});

story!(a_proof_that_comes_back_in_time_renews_the_domain, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let domain = app.allow(site, module, "example.test").await;
    app.names.clear(&record_name(&domain)).await;
    app.context.clock.advance(TimeDelta::days(1));
    app.domains().check_due().await.unwrap();
    app.prove(&domain).await;
    app.context.clock.advance(TimeDelta::days(1));
    app.domains().check_due().await.unwrap();
    assert_eq!(app.events(site).await.last().unwrap(), "domain.renewed");
});

story!(a_domain_is_on_a_list_once, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    app.add(site, module, "example.test").await;
    let pattern = app.domains().pattern("https://EXAMPLE.test/").unwrap();
    let again = embed_core::domains::NewDomain {
        pattern,
        allow_embed: true,
        allow_api: true,
        embed_types: Vec::new(),
        rate_limit: 1000,
        ancestors: Vec::new(),
    };
    let error = app.domains().add(&Actor::CommandLine, site, module, again).await.unwrap_err();
    assert_eq!(error.code(), Code::DomainExists);
    assert_eq!(error.detail(), "example.test is already on the module's list.");
    assert_eq!(app.domains().list(site, module).await.unwrap().len(), 1);
});

story!(a_wildcard_is_proved_by_dns_only, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let domain = app.add(site, module, "*.example.test").await;
    let error =
        app.domains().verify(&Actor::CommandLine, site, domain.id, Some(Method::Meta)).await.unwrap_err();
    assert!(error.detail().contains("DNS"), "{error}");
    app.prove(&domain).await;
    assert!(app.domains().verify(&Actor::CommandLine, site, domain.id, None).await.unwrap().verified);
});
