//! HTML of a stranger's description as plain text.

/// The text of HTML: tags gone, those that end a paragraph as ends of lines, entities as what they stand for, white space as it would be
/// shown. Other people's markup is never passed on, so what isn't understood may go lost.
#[must_use]
pub fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(first) = rest.chars().next() {
        let used = match first {
            '<' => tag(rest, &mut text),
            '&' => entity(rest, &mut text),
            character if character.is_whitespace() => {
                space(&mut text);
                first.len_utf8()
            }
            character if character.is_control() => first.len_utf8(),
            character => {
                text.push(character);
                first.len_utf8()
            }
        };
        rest = rest.get(used..).unwrap_or_default();
    }
    text.trim().to_owned()
}

fn space(text: &mut String) {
    if !text.ends_with([' ', '\n']) {
        text.push(' ');
    }
}

/// A tag, comment or the content of a script; how many bytes it has.
fn tag(rest: &str, text: &mut String) -> usize {
    let name: String = rest
        .chars()
        .skip(1)
        .take_while(|character| character.is_ascii_alphanumeric() || "/!-".contains(*character))
        .collect::<String>()
        .to_ascii_lowercase();
    let end = |needle: &str| rest.find(needle).map_or(rest.len(), |at| at + needle.len());
    match name.as_str() {
        "" => {
            text.push('<');
            1
        }
        name if name.starts_with("!--") => end("-->"),
        "script" => end("</script>"),
        "style" => end("</style>"),
        "br" | "br/" | "/p" | "/div" | "/li" | "/ul" | "/ol" | "/tr" => {
            let trimmed = text.trim_end_matches(' ').len();
            text.truncate(trimmed);
            if !text.ends_with('\n') && !text.is_empty() {
                text.push('\n');
            }
            end(">")
        }
        _ => end(">"),
    }
}

/// An entity; how many bytes it has.
fn entity(rest: &str, text: &mut String) -> usize {
    let Some((name, _)) = rest
        .get(1..)
        .and_then(|rest| rest.split_once(';'))
        .filter(|(name, _)| name.len() <= 8)
    else {
        text.push('&');
        return 1;
    };
    let number = name
        .strip_prefix("#x")
        .or_else(|| name.strip_prefix("#X"))
        .map(|digits| u32::from_str_radix(digits, 16))
        .or_else(|| name.strip_prefix('#').map(str::parse));
    let character = match (name, number) {
        (_, Some(number)) => number
            .ok()
            .and_then(char::from_u32)
            .filter(|character| !character.is_control()),
        ("amp", _) => Some('&'),
        ("lt", _) => Some('<'),
        ("gt", _) => Some('>'),
        ("quot" | "ldquo" | "rdquo", _) => Some('"'),
        ("apos" | "lsquo" | "rsquo", _) => Some('\''),
        ("nbsp", _) => Some(' '),
        ("ndash" | "mdash", _) => Some('-'),
        _ => None,
    };
    let Some(character) = character else {
        text.push('&');
        return 1;
    };
    text.push(character);
    name.len() + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_what_a_reader_would_see() {
        for (html, expected) in [
            (
                "In <em>May</em>,&nbsp;a <a href='http://x/?a>b'>shop</a>",
                "In May, a b'>shop",
            ),
            ("<p>One.</p>\n<p>Two<br>lines</p>", "One.\nTwo\nlines"),
            (
                "a &lt;b&gt; &amp;amp; &#8217; &#x41; &bogus; &",
                "a <b> &amp; \u{2019} A &bogus; &",
            ),
            ("<script>alert(1)</script>x<!-- <b> -->y<style>p{}", "xy"),
            ("1 < 2 &#27;[2J &#0;", "1 < 2 &#27;[2J &#0;"),
            ("<", "<"),
            ("<p", ""),
            ("", ""),
        ] {
            assert_eq!(plain(html), expected, "{html}");
        }
    }
}
