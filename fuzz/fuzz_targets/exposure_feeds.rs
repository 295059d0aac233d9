//! A feed of a leak site, and names to be looked for in it: whatever its bytes say, reading it ends, no text of a post is longer than it
//! may be, and a name is found with a score of at most 100, in the same post each time.

#![no_main]

use exposure::feeds::{Name, TEXT_BYTES_MAX, matches, parse};
use exposure::plain::plain;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 5] = [
    "Acme Widgets Ltd",
    "MAN",
    "example.com",
    "M\u{fc}ller GmbH & Co. KG",
    "AT&T",
];

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    assert!(plain(&text).len() <= text.len() + 8);
    // What a person configures is as long as a person writes.
    let own = Name::parse(text.lines().next().unwrap_or_default());
    let Ok(feed) = parse(input) else { return };
    let names: Vec<Name> = NAMES.iter().filter_map(|name| Name::parse(name)).chain(own).collect();
    for post in &feed.posts {
        assert!(!post.title.is_empty());
        for text in [&post.title, &post.group, &post.website, &post.description, &post.link] {
            assert!(text.len() <= TEXT_BYTES_MAX);
        }
        assert_eq!(post.digest(), post.clone().digest());
        let found = matches(&names, post);
        assert!(found.iter().all(|found| found.score <= 100));
        assert_eq!(found, matches(&names, post));
    }
});
