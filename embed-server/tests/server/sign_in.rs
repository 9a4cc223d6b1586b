//! Signing in and out: codes, links, sessions, and everything that may be wrong with them.

use crate::app::TestApp;
use crate::browser::Browser;
use crate::people::HOME;
use chrono::TimeDelta;
use embed_base::events::activity::Actor;
use embed_base::http::Paging;
use embed_core::accounts::{Accounts, Email, Role};
use embed_core::activity::Activity;
use embed_testing::Database;
use embed_testing::MailServer;
use std::future::Future;

/// Tells a story on both engines, with a server that sends mail. It begins with Ada, who owns the organization.
pub async fn with_mail<F: Future<Output = ()>>(story: impl Fn(TestApp, MailServer) -> F) {
    for database in [Some(Database::sqlite()), Database::postgres().await].into_iter().flatten() {
        let mail = MailServer::start().await;
        let app = TestApp::start_with(database, &[("SMTP_URL", &mail.url())]).await;
        Accounts::new(&app.context)
            .invite(&Actor::CommandLine, HOME, ada(), Some("Ada"), Role::Owner)
            .await
            .unwrap();
        story(app, mail).await;
    }
}

pub fn ada() -> Email {
    Email::parse("ada@example.com").unwrap()
}

/// Asks for a code, and answers with where it is to be typed in.
pub async fn ask(browser: &Browser<'_>, email: &str) -> String {
    let seen = browser.post_bare("/console/sign-in", &[("email", email), ("next", "/console/account")]).await;
    assert_eq!(seen.status, 303, "{}", seen.html);
    seen.location().to_owned()
}

/// Types a code in; the status and what is said or where it leads.
pub async fn redeem(browser: &Browser<'_>, page: &str, code: &str) -> (u16, String) {
    let form = browser.get(page).await;
    let fields = [("id", &*form.field("id")), ("next", &form.field("next")), ("code", code)];
    let seen = browser.post_bare("/console/sign-in/code", &fields).await;
    let said = if seen.status == 303 { seen.location().to_owned() } else { seen.html };
    (seen.status, said)
}

/// Follows the link of a mail and confirms it.
pub async fn follow(browser: &Browser<'_>, link: &str) -> (u16, String) {
    let page = browser.get(link).await;
    assert_eq!(page.status, 200, "{}", page.html);
    let seen = browser.post_bare("/console/enter", &[("link", &page.field("link"))]).await;
    let said = if seen.status == 303 { seen.location().to_owned() } else { seen.html };
    (seen.status, said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_signs_in_once_and_leads_to_the_page_that_was_wanted() {
    with_mail(async |app, mail| {
        let browser = app.browser();
        let wanted = browser.get("/console/account").await;
        assert_eq!((wanted.status, wanted.location()), (303, "/console/sign-in?next=%2Fconsole%2Faccount"));
        let page = ask(&browser, " Ada@Example.com ").await;
        let code = mail.mailbox.code("ada@example.com", 1).await;
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        assert_eq!(redeem(&browser, &page, &spaced).await, (303, "/console/account".to_owned()));
        let account = browser.get("/console/account").await;
        assert_eq!(account.status, 200);
        assert!(account.html.contains("ada@example.com"));

        let (status, said) = redeem(&app.browser(), &page, &code).await;
        assert_eq!(status, 403);
        assert!(said.contains("This code was used"), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_may_be_guessed_three_times_within_five_minutes() {
    with_mail(async |app, mail| {
        let browser = app.browser();
        let page = ask(&browser, "ada@example.com").await;
        let code = mail.mailbox.code("ada@example.com", 1).await;
        let wrong = if code == "000000" { "000001" } else { "000000" };
        // What cannot be a code is no guess.
        for guess in ["", "12345", "abcdef", wrong, wrong, wrong] {
            let (status, said) = redeem(&browser, &page, guess).await;
            assert_eq!(status, 403);
            assert!(said.contains("This is not the code that was sent"), "{said}");
        }
        let (status, said) = redeem(&browser, &page, &code).await;
        assert_eq!((status, said.contains("was tried too often")), (403, true), "{said}");

        let page = ask(&browser, "ada@example.com").await;
        let code = mail.mailbox.code("ada@example.com", 2).await;
        app.context.clock.advance(TimeDelta::minutes(5));
        let (status, said) = redeem(&browser, &page, &code).await;
        assert_eq!((status, said.contains("older than five minutes")), (403, true), "{said}");
        assert_eq!(browser.get("/console/account").await.status, 303, "nobody is signed in");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_for_a_code_does_not_tell_whether_an_address_is_known() {
    with_mail(async |app, mail| {
        let browser = app.browser();
        let known = ask(&browser, "ada@example.com").await;
        mail.mailbox.code("ada@example.com", 1).await;
        let unknown = ask(&browser, "eve@example.com").await;
        let shape = |page: &str| page.split_once("id=").unwrap().0.to_owned();
        assert_eq!(shape(&known), shape(&unknown));
        let (one, other) = (browser.get(&known).await, browser.get(&unknown).await);
        let (one_id, other_id) = (one.field("id"), other.field("id"));
        assert_eq!(one.html.replace(&one_id, ""), other.html.replace(&other_id, ""));
        let (status, said) = redeem(&browser, &unknown, "123456").await;
        assert_eq!((status, said.contains("This is not the code that was sent")), (403, true));
        // A mail to somebody who is known comes after it, and is the second.
        ask(&browser, "ada@example.com").await;
        mail.mailbox.code("ada@example.com", 2).await;
        assert_eq!(mail.mailbox.count(), 2, "nothing was sent to anybody else");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_link_of_somebody_who_was_removed_signs_nobody_in() {
    with_mail(async |app, _mail| {
        let accounts = Accounts::new(&app.context);
        let bob = Email::parse("bob@example.com").unwrap();
        accounts.invite(&Actor::CommandLine, HOME, bob.clone(), None, Role::Admin).await.unwrap();
        let link = app.sign_in().single_use_link(&bob, TimeDelta::hours(1)).await.unwrap();
        accounts.remove(&Actor::CommandLine, HOME, &bob).await.unwrap();
        let (status, said) = follow(&app.browser(), &link).await;
        assert_eq!((status, said.contains("in no organization here")), (403, true), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_after_a_week_unused_after_thirty_days_and_when_its_person_says() {
    with_mail(async |app, _mail| {
        let status = async |browser: &Browser<'_>| browser.get("/console/account").await.status;
        let idle = app.signed_in_as(&ada()).await;
        app.context.clock.advance(TimeDelta::days(6));
        assert_eq!(status(&idle).await, 200);
        app.context.clock.advance(TimeDelta::days(6));
        assert_eq!(status(&idle).await, 200, "it was used meanwhile");
        app.context.clock.advance(TimeDelta::days(7));
        assert_eq!(status(&idle).await, 303);

        let used = app.signed_in_as(&ada()).await;
        for _ in 0..5 {
            app.context.clock.advance(TimeDelta::days(5));
            assert_eq!(status(&used).await, 200);
        }
        app.context.clock.advance(TimeDelta::days(5));
        assert_eq!(status(&used).await, 303, "thirty days are the most");

        let (one, other) = (app.signed_in_as(&ada()).await, app.signed_in_as(&ada()).await);
        let cookie = one.cookie();
        assert_eq!(one.post("/console/sign-out", &[]).await.status, 303);
        assert_eq!(one.cookie(), None, "the browser forgets it");
        one.keep(cookie);
        assert_eq!(status(&one).await, 303, "and it is not valid any more");
        assert_eq!(status(&other).await, 200, "the other goes on");
        assert_eq!(other.post("/console/account/sessions/end", &[]).await.status, 303);
        assert_eq!(status(&other).await, 303);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_session_cannot_be_ended_and_ones_own_can() {
    with_mail(async |app, _mail| {
        let bob = app.signed_in(HOME, Role::Owner).await;
        let (one, other) = (app.signed_in_as(&ada()).await, app.signed_in_as(&ada()).await);
        let page = one.get("/console/account").await.html;
        let ends = page.split("<tr>").filter_map(|row| {
            let (_, rest) = row.split_once("action=\"/console/account/sessions/")?;
            Some((row.contains("this session"), rest.split_once('"')?.0))
        });
        let ends: std::collections::BTreeMap<_, _> = ends.collect();
        for id in ends.values() {
            assert_eq!(bob.post(&format!("/console/account/sessions/{id}"), &[]).await.status, 404);
        }
        assert_eq!(one.post(&format!("/console/account/sessions/{}", ends[&false]), &[]).await.status, 303);
        assert_eq!(other.get("/console/account").await.status, 303);
        assert_eq!(one.get("/console/account").await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_person_is_signed_out() {
    with_mail(async |app, _mail| {
        let accounts = Accounts::new(&app.context);
        let bob = Email::parse("bob@example.com").unwrap();
        accounts.invite(&Actor::CommandLine, HOME, bob.clone(), None, Role::Admin).await.unwrap();
        let browser = app.signed_in_as(&bob).await;
        accounts.remove(&Actor::CommandLine, HOME, &bob).await.unwrap();
        assert_eq!(browser.get("/console/account").await.status, 303);
        accounts.invite(&Actor::CommandLine, HOME, bob, None, Role::Admin).await.unwrap();
        assert_eq!(browser.get("/console/account").await.status, 303, "the old session does not come back");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tampered_cookie_is_no_session() {
    with_mail(async |app, _mail| {
        let browser = app.signed_in_as(&ada()).await;
        let cookie = browser.cookie().unwrap();
        let (name, secret) = cookie.split_once('=').unwrap();
        assert_eq!(name, "__Host-dramac_session");
        let flipped = if secret.starts_with('0') { "1" } else { "0" };
        for wrong in [
            format!("{name}={flipped}{}", &secret[1..]),
            format!("{name}={}", &secret[1..]),
            format!("{name}="),
            format!("{name}={}", "x".repeat(10_000)),
            format!("dramac_session={secret}"),
        ] {
            browser.keep(Some(wrong.clone()));
            let seen = browser.get("/console/account").await;
            assert_eq!(
                (seen.status, seen.location().starts_with("/console/sign-in")),
                (303, true),
                "{wrong}"
            );
        }
        browser.keep(Some(cookie));
        assert_eq!(browser.get("/console/account").await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cookie_is_kept_to_this_host_and_to_https() {
    for (public_url, name, secure) in [
        ("https://embed.test", "__Host-dramac_session=", true),
        ("http://localhost:8080", "dramac_session=", false),
    ] {
        let app = TestApp::start_with(Database::sqlite(), &[("EMBED_PUBLIC_URL", public_url)]).await;
        let accounts = Accounts::new(&app.context);
        accounts.invite(&Actor::CommandLine, HOME, ada(), None, Role::Owner).await.unwrap();
        let link = app.sign_in().reusable_link(&ada()).await.unwrap();
        let seen = app.browser().get(&link).await;
        let cookie = seen.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.starts_with(name), "{cookie}");
        for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Max-Age=2592000"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_on_plain_http_warns_that_others_can_read_it() {
    for (public_url, warns) in
        [("http://embed.test", true), ("https://embed.test", false), ("http://localhost:8080", false)]
    {
        let app = TestApp::start_with(Database::sqlite(), &[("EMBED_PUBLIC_URL", public_url)]).await;
        let seen = app.browser().get("/console/sign-in").await;
        assert_eq!(seen.html.contains("others on the network can read"), warns, "{public_url}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_link_for_the_first_owner_can_be_used_once() {
    for database in [Some(Database::sqlite()), Database::postgres().await].into_iter().flatten() {
        let app = TestApp::start(database).await;
        let link = app.sign_in().first_owner_link().await.unwrap().expect("nobody is known");
        let browser = app.browser();
        let page = browser.get(&link).await;
        assert_eq!(page.status, 200, "looking does not use it up");
        let secret = page.field("link");

        let long = "x".repeat(10_000);
        for (email, name, said) in
            [("ada", "Ada", "is not an email address"), ("ada@example.com", &*long, "1 to 200 characters")]
        {
            let fields = [("link", &*secret), ("email", email), ("name", name)];
            let seen = browser.post_bare("/console/enter", &fields).await;
            assert_eq!((seen.status, seen.html.contains(said)), (400, true), "{}", seen.html);
        }
        let fields = [("link", &*secret), ("email", "ada@example.com"), ("name", " Ada ")];
        assert_eq!(browser.post_bare("/console/enter", &fields).await.location(), "/console");
        let people = browser.get(&format!("/console/organizations/{HOME}/people")).await.html;
        assert!(people.contains("ada@example.com") && people.contains("Invite someone"), "{people}");
        let page = Activity::new(&app.context)
            .organization_page(HOME, &Paging::new(None, None).unwrap())
            .await
            .unwrap();
        let done = page.data.iter().find(|entry| entry.action == "member.invited").unwrap();
        let by = (done.actor.as_str(), done.means.as_str(), done.ip_address.as_deref());
        assert_eq!(by, ("ada@example.com", "console", Some("127.0.0.1")), "they did it themselves");
        assert!(done.user_id.is_some());

        let again = app
            .browser()
            .post_bare("/console/enter", &[("link", &secret), ("email", "eve@example.com")])
            .await;
        assert_eq!(
            (again.status, again.html.contains("This link is not complete, was used, or has expired")),
            (403, true),
            "{}",
            again.html
        );
        assert_eq!(app.sign_in().first_owner_link().await.unwrap(), None, "there is one now");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_for_the_first_owner_expires_and_ends_when_there_is_an_owner() {
    let app = TestApp::start(Database::sqlite()).await;
    let accounts = Accounts::new(&app.context);
    let (ended, early) = (
        app.sign_in().first_owner_link().await.unwrap().unwrap(),
        app.sign_in().first_owner_link().await.unwrap().unwrap(),
    );
    assert_eq!(app.browser().get(&ended).await.status, 403, "the newest alone is good");
    app.context.clock.advance(TimeDelta::hours(23));
    assert_eq!(app.browser().get(&early).await.status, 200);
    accounts.invite(&Actor::CommandLine, HOME, ada(), None, Role::Owner).await.unwrap();
    for link in [&ended, &early, "/console/enter?link=0", "/console/enter"] {
        let seen = app.browser().get(link).await;
        assert_eq!((seen.status, seen.html.contains("has expired")), (403, true), "{link}");
    }
    let lasting = app.sign_in().reusable_link(&ada()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(
            app.browser().get(&lasting).await.location(),
            "/console",
            "the demo's may be followed again"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_sent_by_email() {
    with_mail(async |app, mail| {
        let owner = app.signed_in_as(&ada()).await;
        let people = format!("/console/organizations/{HOME}/people");
        let fields = [("email", "bob@example.com"), ("name", ""), ("role", "admin")];
        let seen = owner.post(&people, &fields).await;
        assert_eq!(seen.location(), format!("{people}?done=invited-by-letter"));
        let received = mail.mailbox.newest("bob@example.com", 1).await;
        assert!(received.contains("https://embed.test/console"), "{received}");
        let page = owner.get(&people).await.html;
        assert!(page.contains("bob@example.com") && page.contains(">invited<"), "{page}");

        let browser = app.browser();
        let code_page = ask(&browser, "bob@example.com").await;
        let code = mail.mailbox.code("bob@example.com", 2).await;
        assert_eq!(redeem(&browser, &code_page, &code).await.0, 303);
        assert!(!owner.get(&people).await.html.contains(">invited<"), "he has come");

        let invited = app.command_json(&["user", "invite", "eve@example.com"]);
        assert_eq!(invited["letter"], true);
        mail.mailbox.newest("eve@example.com", 3).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_valid_where_its_email_cannot_be_sent() {
    let app = TestApp::start_with(Database::sqlite(), &[("SMTP_URL", "smtp://127.0.0.1:1")]).await;
    let owner = app.signed_in(HOME, Role::Owner).await;
    let people = format!("/console/organizations/{HOME}/people");
    let seen = owner.post(&people, &[("email", "bob@example.com"), ("role", "member")]).await;
    assert_eq!(seen.location(), format!("{people}?done=invited-without-letter"));
    assert!(owner.get(seen.location()).await.html.contains("the email could not be sent"));
    let doctor = app.command(&["doctor", "--json"]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("The mail server does not answer as it should; check SMTP_URL."), "{said}");
}
