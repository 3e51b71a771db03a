//! The users that the documentation gives Redis: they may do what they must.

use super::support::{Redis, Setup, attempts, eventually, watermark};
use countersign::protocol::time::{Clock, SystemClock};

const DOCS: &str = include_str!("../../docs/src/operate/several-instances.md");

/// The words of the `ACL SETUSER` line for a user, which the page breaks where it is too long.
fn documented(user: &str) -> Vec<&'static str> {
    let start = DOCS.find(&format!("ACL SETUSER {user} ")).expect("the page has the line");
    let line = &DOCS[start..];
    let end = line[1..].find("ACL SETUSER").or_else(|| line.find("\n\n")).expect("it ends");
    line[..=end].split_whitespace().collect()
}

/// Makes a user as the documentation says, whose password is `pass-of-` and its name.
pub async fn make(redis: &Redis, user: &str) {
    let password = format!(">pass-of-{user}");
    let words = documented(user);
    let words: Vec<_> =
        words.iter().map(|word| if *word == ">PASSWORD" { &password } else { *word }).collect();
    let _: String = redis.ask(&words).await;
}

fn url_of(setup: &Setup, user: &str) -> String {
    setup.redis.url().replace("redis://", &format!("redis://{user}:pass-of-{user}@"))
}

#[tokio::test]
async fn the_documented_users_may_do_what_the_provider_and_verifiers_do() {
    let setup = Setup::prepare("noeviction").await;
    for user in ["countersign", "services"] {
        make(&setup.redis, user).await;
    }
    let _: String = setup.redis.ask(&["ACL", "SETUSER", "default", "off"]).await;

    let provider = Setup::at(&url_of(&setup, "countersign")).await;
    let list = provider.follow_at(&url_of(&setup, "services")).await;
    let now = SystemClock.now().as_unix();
    provider.add(&[watermark("ada", now, now + 300)]).await;
    provider.add(&[watermark("ada", now, now + 200)]).await;
    eventually("ada is refused", 3000, async || list.refuses("ada")).await;
    assert_eq!(list.refuses("bea"), Some(false));
    let url = url_of(&setup, "countersign");
    assert_eq!((attempts(&url, "ada").await, attempts(&url, "ada").await), (5, 0));
}
