//! Feeds in JSON. They differ in names and in how deep the posts are, so the document is walked once: whatever object has a title is a
//! post, and nothing of it is kept but the texts that a post has.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer as Json;
use std::fmt;

use super::post::Post;
use super::{Feed, FeedError};

/// How deep posts may be.
const DEPTH_MAX: usize = 8;
/// The object of MISP that is a post.
const MISP_OBJECT: &str = "ransomware-group-post";
/// A key that is longer isn't the name of a group, in bytes: each post below a key has a copy of it.
const GROUP_BYTES_MAX: usize = 256;
/// Keys around posts that aren't the name of a group.
const WRAPPERS: [&str; 10] = [
    "data", "posts", "results", "victims", "response", "Event", "Object", "items", "recent", "leaks",
];

pub(super) fn parse(bytes: &[u8]) -> Result<Feed, FeedError> {
    let mut feed = Feed::default();
    let mut json = Json::from_slice(bytes);
    let walk = Walk {
        feed: &mut feed,
        group: None,
        depth: 0,
    };
    walk.deserialize(&mut json)?;
    json.end()?;
    Ok(feed)
}

/// A value that may be a post, or have posts in it.
struct Walk<'a> {
    feed: &'a mut Feed,
    /// The key under which it stands: the group, in lists by group.
    group: Option<&'a str>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth > DEPTH_MAX {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(drop);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("posts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let depth = self.depth + 1;
        while elements
            .next_element_seed(Walk {
                feed: self.feed,
                group: self.group,
                depth,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut item = Item::default();
        let mut misp = Item::default();
        while let Some(key) = fields.next_key_seed(Text)? {
            if key == "Attribute" {
                fields.next_value_seed(Attributes(&mut misp))?;
            } else if let Some(place) = item.place(&key) {
                *place = fields.next_value_seed(Text)?;
            } else {
                let is_group = key.len() <= GROUP_BYTES_MAX && !WRAPPERS.contains(&key.as_str());
                let group = if is_group { Some(key.as_str()) } else { self.group };
                let depth = self.depth + 1;
                fields.next_value_seed(Walk {
                    feed: self.feed,
                    group,
                    depth,
                })?;
            }
        }
        if item.name == MISP_OBJECT {
            self.feed.add(misp.post(None));
        } else if item.is_post() {
            self.feed.add(item.post(self.group));
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// What an object says, by the names that feeds use.
#[derive(Default)]
struct Item {
    name: String,
    post_title: String,
    victim: String,
    title: String,
    entity_name: String,
    group_name: String,
    group: String,
    discovered: String,
    published: String,
    attack_date: String,
    date: String,
    description: String,
    website: String,
    domain: String,
    country: String,
    link: String,
}

impl Item {
    /// Where the value of a key goes; `None` for a key that no post has.
    fn place(&mut self, key: &str) -> Option<&mut String> {
        Some(match key {
            "name" => &mut self.name,
            "post_title" => &mut self.post_title,
            "victim" => &mut self.victim,
            "title" => &mut self.title,
            "entity-name" => &mut self.entity_name,
            "group_name" | "ransomware-group" => &mut self.group_name,
            "group" => &mut self.group,
            "discovered" => &mut self.discovered,
            "published" | "date-published" => &mut self.published,
            "attackdate" => &mut self.attack_date,
            "date" => &mut self.date,
            "description" => &mut self.description,
            "website" => &mut self.website,
            "domain" => &mut self.domain,
            "country" | "geo" => &mut self.country,
            "post_url" | "claim_url" | "link" | "permalink" | "url" => &mut self.link,
            _ => return None,
        })
    }

    /// Whether it names somebody; a `title` alone is also that of many other things.
    fn is_post(&self) -> bool {
        let is_named = !self.post_title.is_empty() || !self.victim.is_empty();
        is_named || !self.title.is_empty() && (!self.group.is_empty() || !self.group_name.is_empty())
    }

    fn post(self, group: Option<&str>) -> Post {
        let first = |choices: [String; 4]| choices.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        let none = String::new;
        // MISP's title is a sentence about the entity.
        let about = if self.entity_name.is_empty() || self.title.is_empty() {
            none()
        } else {
            self.title.clone() + "\n"
        };
        Post {
            title: first([self.post_title, self.victim, self.entity_name, self.title]),
            group: first([
                self.group_name,
                self.group,
                group.unwrap_or_default().to_owned(),
                none(),
            ]),
            discovered: first([self.discovered, none(), none(), none()]),
            published: first([self.published, self.attack_date, self.date, none()]),
            website: first([self.website, self.domain, none(), none()]),
            description: about + &self.description,
            link: self.link,
            country: self.country,
        }
        .bounded()
    }
}

/// A text, whatever stands there: numbers are written out, anything else is empty.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_bool<E>(self, _: bool) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_unit<E>(self) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<String, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(String::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<String, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(String::new())
    }
}

/// The attributes of a MISP object: each says which field it is.
struct Attributes<'a>(&'a mut Item);

impl<'de> DeserializeSeed<'de> for Attributes<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Attributes<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the attributes of an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Attributes(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let (mut relation, mut value) = (String::new(), String::new());
        while let Some(key) = fields.next_key_seed(Text)? {
            match key.as_str() {
                "object_relation" => relation = fields.next_value_seed(Text)?,
                "value" => value = fields.next_value_seed(Text)?,
                _ => fields.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        if let Some(place) = self.0.place(&relation) {
            // An object has several links; the first is as good as another.
            if place.is_empty() {
                *place = value;
            }
        }
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posts(text: &str) -> Vec<Post> {
        parse(text.as_bytes()).unwrap().posts
    }

    #[test]
    fn posts_of_ransomware_live_are_read_by_their_old_and_new_names() {
        let old = posts(
            r#"[{"post_title":"acme.com","group_name":"lockbit3","discovered":"2026-11-20 10:11:12.000013",
                "published":"2026-11-19 00:00:00.000000","post_url":"http://x.onion/p","website":"","screenshot":null}]"#,
        );
        let new = posts(
            r#"[{"victim":"Acme Ltd","group":"lockbit3","attackdate":"2026-11-19 00:00:00","discovered":"2026-11-20 10:11:12",
                "country":"GB","activity":"Retail","description":"<b>50 GB</b>","claim_url":"http://x.onion/p","domain":"acme.com",
                "infostealer":{"employees":1},"press":null,"extrainfos":[{"title":"not a post"}]}]"#,
        );
        assert_eq!(old[0].title, "acme.com");
        assert_eq!(
            (old[0].group.as_str(), old[0].link.as_str()),
            ("lockbit3", "http://x.onion/p")
        );
        assert_eq!(new.len(), 1);
        let new = &new[0];
        assert_eq!(
            (new.title.as_str(), new.website.as_str(), new.country.as_str()),
            ("Acme Ltd", "acme.com", "GB")
        );
        assert_eq!(
            (new.published.as_str(), new.description.as_str()),
            ("2026-11-19 00:00:00", "50 GB")
        );
    }

    #[test]
    fn posts_of_ransomlook_are_read_in_each_of_their_shapes() {
        let post = r#"{"post_title":"Acme","discovered":"2026-11-20 10:11:12.000013","description":"d","link":"/x","magnet":null,"screen":"s"}"#;
        let with_group = post.replacen('{', r#"{"group_name":"akira","#, 1);
        for text in [
            format!("[{with_group}]"),
            format!(r#"{{"akira":[{post}]}}"#),
            format!(r#"[{{"name":"akira"}},[{with_group}]]"#),
            format!(r#"{{"data":[{with_group}]}}"#),
        ] {
            let posts = posts(&text);
            assert_eq!(posts.len(), 1, "{text}");
            assert_eq!(
                (posts[0].title.as_str(), posts[0].group.as_str()),
                ("Acme", "akira"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_long_key_is_no_group_and_costs_no_more_than_its_length() {
        let key = "k".repeat(4 << 20);
        let others = r#"{"post_title":"Acme"},"#.repeat(1000) + &"1,".repeat(1 << 20);
        let read = posts(&format!(r#"{{"akira":{{"{key}":[{others}2]}}}}"#));
        assert_eq!((read.len(), read[0].group.as_str()), (1000, "akira"));
    }

    #[test]
    fn posts_in_misp_events_are_read_whatever_order_they_are_written_in() {
        let attribute = |relation: &str, value: &str| {
            format!(r#"{{"object_relation":"{relation}","value":"{value}","type":"text"}}"#)
        };
        let attributes = [
            attribute("title", "Acme was hit"),
            attribute("entity-name", "Acme Ltd"),
            attribute("ransomware-group", "akira"),
            attribute("website", "acme.com"),
            attribute("link", "http://x.onion/1"),
            attribute("link", "http://x.onion/2"),
        ]
        .join(",");
        for object in [
            format!(r#"{{"name":"ransomware-group-post","Attribute":[{attributes}]}}"#),
            format!(r#"{{"Attribute":[{attributes}],"name":"ransomware-group-post"}}"#),
        ] {
            let event = format!(
                r#"{{"response":[{{"Event":{{"info":"x","Object":[{object},{{"name":"file","Attribute":[]}}]}}}}]}}"#
            );
            let posts = posts(&event);
            assert_eq!(posts.len(), 1, "{event}");
            assert_eq!(
                (posts[0].title.as_str(), posts[0].group.as_str()),
                ("Acme Ltd", "akira")
            );
            assert_eq!(
                (posts[0].description.as_str(), posts[0].link.as_str()),
                ("Acme was hit", "http://x.onion/1")
            );
        }
    }

    #[test]
    fn what_is_no_post_is_passed_over_and_what_is_broken_refused() {
        assert_eq!(
            posts("[1,\"a\",null,true,{},[],{\"post_title\":\"\"},{\"title\":\"x\"},{\"post_title\":{\"a\":1}}]"),
            []
        );
        let deep = "[".repeat(40) + r#"{"post_title":"x","group":"y"}"# + &"]".repeat(40);
        assert_eq!(posts(&deep), []);
        for text in [
            "[",
            "[{\"post_title\":\"x\"",
            "{\"a\":1}x",
            "[1,]",
            "{\"post_title\":\"\\ud800\"}",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        // Deeper than any stack: what is passed over is passed over without recursion.
        assert_eq!(posts(&("[".repeat(1_000_000) + &"]".repeat(1_000_000))), []);
    }
}
