//! How often codes may be asked for and guessed at, and the ways in that stay open to their owner.

use crate::app::TestApp;
use crate::browser::Browser;
use crate::sign_in::{ada, ask, follow, redeem, with_mail};
use chrono::TimeDelta;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_gets_three_emails_a_minute_and_an_address_has_twenty_attempts() {
    with_mail(async |app, mail| {
        let browser = app.browser();
        for _ in 0..3 {
            ask(&browser, "ada@example.com").await;
        }
        let seen = browser.post_bare("/console/sign-in", &[("email", "ADA@example.com")]).await;
        assert_eq!(seen.status, 429);
        assert!(seen.html.contains("Too many requests for a code for this mailbox"), "{}", seen.html);
        assert!(seen.html.contains("value=\"ADA@example.com\""), "what was typed is still there");
        app.context.clock.advance(TimeDelta::seconds(20));
        ask(&browser, "ada@example.com").await;
        mail.mailbox.code("ada@example.com", 4).await;

        let mut last = 0;
        for attempt in 0..25 {
            let email = format!("somebody{attempt}@example.com");
            last = browser.post_bare("/console/sign-in", &[("email", &email)]).await.status;
        }
        assert_eq!(last, 429);
    })
    .await;
}

/// Asks for a code until it is refused; how many were given, and the refusal. The clock is moved past the limit for each
/// minute.
async fn ask_until_refused(app: &TestApp, browser: &Browser<'_>, email: &str) -> (usize, String) {
    for given in 0..30 {
        let seen = browser.post_bare("/console/sign-in", &[("email", email)]).await;
        if seen.status != 303 {
            assert_eq!(seen.status, 429, "{}", seen.html);
            return (given, seen.html);
        }
        app.context.clock.advance(TimeDelta::seconds(30));
    }
    panic!("codes are given without end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_signs_in_nobody_in_another_browser() {
    with_mail(async |app, mail| {
        let browser = app.browser();
        let page = ask(&browser, "ada@example.com").await;
        let code = mail.mailbox.code("ada@example.com", 1).await;
        let thief = app.browser();
        ask(&thief, "ada@example.com").await;
        for _ in 0..5 {
            let (status, said) = redeem(&thief, &page, &code).await;
            assert_eq!((status, said.contains("requested in another browser")), (403, true), "{said}");
        }
        assert_eq!(redeem(&browser, &page, &code).await.0, 303, "no guess of its owner was used up");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_from_one_address_leaves_the_owner_codes_at_another() {
    with_mail(async |app, mail| {
        for email in ["ada@example.com", "nobody@example.com"] {
            let (given, said) = ask_until_refused(&app, &app.browser_at("127.0.0.2"), email).await;
            assert_eq!((given, said.contains("were requested from your network today")), (6, true), "{said}");
        }
        let browser = app.browser();
        let page = ask(&browser, "ada@example.com").await;
        let code = mail.mailbox.code("ada@example.com", 7).await;
        assert_eq!(redeem(&browser, &page, &code).await.0, 303);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_day_of_codes_is_used_up_the_last_mails_link_signs_in() {
    with_mail(async |app, mail| {
        let mut sent = 0;
        for host in 2..=5 {
            sent += ask_until_refused(&app, &app.browser_at(&format!("127.0.0.{host}")), "ada@example.com")
                .await
                .0;
        }
        assert_eq!(sent, 20);
        let link =
            mail.mailbox.link("ada@example.com", 20, "from 127.0.0.5.\n\nNo more codes are sent today").await;
        let owner = app.browser();
        let seen = owner.post_bare("/console/sign-in", &[("email", "ada@example.com")]).await;
        assert_eq!(seen.status, 429);
        assert!(seen.html.contains("Open the link in the newest mail"), "{}", seen.html);
        app.context.clock.advance(TimeDelta::hours(23));
        assert_eq!(owner.get(&link).await.status, 200, "a scanner that looks at it does not use it up");
        assert_eq!(follow(&owner, &link).await, (303, "/console".to_owned()));
        assert_eq!(owner.get("/console/account").await.status, 200);
        assert_eq!(app.browser().get(&link).await.status, 403, "it works once");
        assert_eq!(mail.mailbox.count(), 20);
        app.context.clock.advance(TimeDelta::hours(1));
        ask(&owner, "ada@example.com").await;
        mail.mailbox.code("ada@example.com", 21).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_wrong_codes_ends_codes_and_not_links() {
    with_mail(async |app, mail| {
        // A mailbox that nobody here has is refused alike, so that it tells nothing.
        for (email, known) in [("nobody@example.com", false), ("ada@example.com", true)] {
            let (mut wrong, mut asked) = (0, 0);
            let refused = 'guessing: loop {
                let thief = app.browser_at(&format!("127.0.0.{}", 2 + asked / 6));
                let page = ask(&thief, email).await;
                asked += 1;
                if known {
                    // Each guess is made once the mail has come, so that the last mail is the last.
                    let code = mail.mailbox.code(email, asked).await;
                    assert_ne!(code, "000000", "the seeded codes are others");
                }
                for _ in 0..3 {
                    let (status, said) = redeem(&thief, &page, "000000").await;
                    if status == 429 {
                        break 'guessing said;
                    }
                    assert_eq!(status, 403, "{said}");
                    wrong += 1;
                }
                app.context.clock.advance(TimeDelta::seconds(30));
            };
            assert_eq!(wrong, 20);
            assert!(refused.contains("20 wrong codes were typed for this mailbox today"), "{refused}");
            if !known {
                assert_eq!(mail.mailbox.count(), 0);
                continue;
            }
            let warning = mail.mailbox.newest(email, asked + 1).await;
            assert!(
                warning.contains("20 wrong codes were typed today") && warning.contains("127.0.0.3"),
                "{warning}"
            );
            let owner = app.browser();
            ask(&owner, email).await;
            let received = mail.mailbox.newest(email, asked + 2).await;
            assert!(
                !received.contains("Your code is") && received.contains("switched off until tomorrow"),
                "{received}"
            );
            let link = mail.mailbox.link(email, asked + 2, "switched off until tomorrow").await;
            assert_eq!(follow(&owner, &link).await.0, 303);
            // A command has the system's clock, so what it prints is not followed here.
            let printed = app.command_json(&["user", "link", email]);
            assert!(printed["link"].as_str().unwrap().starts_with("https://embed.test/console/enter?link="));
            let link = app.sign_in().single_use_link(&ada(), TimeDelta::minutes(15)).await.unwrap();
            assert_eq!(follow(&app.browser(), &link).await.0, 303);
        }
    })
    .await;
}
