//! RSS and Atom. No more of XML is read than the texts of items: no document type, no entities of its own, nothing from elsewhere. What
//! isn't closed ends the reading.

use super::Feed;
use super::post::Post;
use crate::plain::plain;

/// What the public API's feed writes behind a breach's title.
const ACCOUNTS: &str = " breached accounts";

/// Reads the items of RSS, or the entries of Atom.
pub(super) fn parse(text: &str) -> Feed {
    let mut feed = Feed::default();
    for name in ["item", "entry"] {
        let mut rest = text;
        while let Some((element, behind)) = element(rest, name) {
            feed.add(post(element.inner));
            rest = behind;
        }
    }
    feed
}

fn post(item: &str) -> Post {
    let text = |name: &str| {
        element(item, name)
            .map(|(found, _)| content(found.inner))
            .unwrap_or_default()
    };
    let first = |names: &[&str]| {
        names
            .iter()
            .map(|name| text(name))
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    };
    let title = plain(&text("title"));
    let link = match text("link") {
        // Atom has it as an attribute.
        link if link.is_empty() => element(item, "link")
            .and_then(|(found, _)| attribute(found.tag, "href"))
            .unwrap_or_default(),
        link => link,
    };
    Post {
        title: without_count(&title).to_owned(),
        published: first(&["pubDate", "published", "updated"]),
        description: first(&["description", "summary", "content"]),
        link,
        ..Post::default()
    }
    .bounded()
}

/// A title without the number of accounts: `Adobe - 152,445,165 breached accounts`.
fn without_count(title: &str) -> &str {
    title
        .strip_suffix(ACCOUNTS)
        .and_then(|title| title.rsplit_once(" - "))
        .filter(|(_, count)| count.bytes().all(|byte| byte.is_ascii_digit() || byte == b','))
        .map_or(title, |(title, _)| title)
}

struct Element<'a> {
    /// What stands between `<name` and `>`.
    tag: &'a str,
    inner: &'a str,
}

/// The first element of a name, and what follows it. One that is empty (`<name/>`) has no content.
fn element<'a>(text: &'a str, name: &str) -> Option<(Element<'a>, &'a str)> {
    let opening = format!("<{name}");
    let mut from = 0;
    loop {
        let start = from + text.get(from..)?.find(&opening)? + opening.len();
        let behind = text.get(start..)?;
        // `<items>` is no `<item>`.
        if !behind.starts_with(|character: char| character.is_ascii_whitespace() || "/>".contains(character)) {
            from = start;
            continue;
        }
        let end = behind.find('>')?;
        let tag = behind.get(..end)?;
        let inner = behind.get(end + 1..)?;
        if tag.ends_with('/') {
            return Some((Element { tag, inner: "" }, inner));
        }
        let closing = format!("</{name}");
        let end = closed(inner, &closing)?;
        let element = Element {
            tag,
            inner: inner.get(..end)?,
        };
        return Some((element, inner.get(end + closing.len()..)?));
    }
}

/// Where an element ends: at its closing tag, unless that is in a CDATA section.
fn closed(inner: &str, closing: &str) -> Option<usize> {
    let mut from = 0;
    let mut end = inner.find(closing)?;
    while let Some(section) = inner.get(from..end)?.find("<![CDATA[") {
        from += section;
        from += inner.get(from..)?.find("]]>")?;
        if from > end {
            end = from + inner.get(from..)?.find(closing)?;
        }
    }
    Some(end)
}

/// The text of an element, its entities still to be read by whoever reads HTML.
fn content(inner: &str) -> String {
    let mut text = String::new();
    let mut rest = inner.trim();
    while let Some((before, section)) = rest.split_once("<![CDATA[") {
        text.push_str(&unescaped(before));
        let (inside, behind) = section.split_once("]]>").unwrap_or((section, ""));
        text.push_str(inside);
        rest = behind;
    }
    text + &unescaped(rest)
}

/// XML's own entities.
fn unescaped(text: &str) -> String {
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'");
    // Last, so that nothing is read twice.
    text.replace("&amp;", "&")
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, behind) = tag.split_once(&format!("{name}="))?;
    let quote = behind.chars().next().filter(|quote| "\"'".contains(*quote))?;
    behind.get(1..)?.split_once(quote).map(|(value, _)| unescaped(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_feed_of_breaches_is_read() {
        let feed = parse(
            "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Have I Been Pwned</title><link>https://x</link>\
             <item><title>Adobe - 152,445,165 breached accounts</title><description>&lt;p&gt;In &amp;amp; out&lt;/p&gt;</description>\
             <link>https://x/Adobe</link><pubDate>Wed, 04 Dec 2013 00:00:00 Z</pubDate></item>\
             <item><title><![CDATA[A </title> & <b>B</b>]]></title><link/></item></channel></rss>",
        );
        assert_eq!(feed.posts.len(), 2);
        assert_eq!(
            (feed.posts[0].title.as_str(), feed.posts[0].description.as_str()),
            ("Adobe", "In & out")
        );
        assert_eq!(
            (feed.posts[0].link.as_str(), feed.posts[0].published.as_str()),
            ("https://x/Adobe", "Wed, 04 Dec 2013 00:00:00 Z")
        );
        assert_eq!(feed.posts[1].title, "A & B");
    }

    #[test]
    fn atom_is_read_too() {
        let feed = parse(
            "<feed><title>f</title><entry><title type=\"html\">Acme</title><link rel='x' href='https://x/?a&amp;b'/><summary>s</summary>\
             <updated>2026-11-20T00:00:00Z</updated></entry></feed>",
        );
        assert_eq!(
            (feed.posts[0].title.as_str(), feed.posts[0].link.as_str()),
            ("Acme", "https://x/?a&b")
        );
        assert_eq!(feed.posts[0].published, "2026-11-20T00:00:00Z");
    }

    #[test]
    fn what_is_not_closed_ends_the_reading() {
        for text in [
            "<item>",
            "<item><title>x",
            "<item",
            "<item><title>x</title>",
            "<item><![CDATA[</item>",
            "<items><title>x</title></items>",
        ] {
            assert_eq!(parse(text).posts, [], "{text}");
        }
        let feed = parse("<item><description>no title</description></item>");
        assert_eq!((feed.posts.len(), feed.skipped), (0, 1));
    }

    #[test]
    fn many_sections_and_openings_take_no_more_time_than_their_length() {
        for text in [
            "<![CDATA[]]>".repeat(200_000),
            "<item".repeat(400_000),
            "<item></item>".repeat(150_000),
        ] {
            parse(&format!("<item>{text}</item>"));
        }
    }
}
