//! E-mail addresses (RFC 5322's dot-atoms, at names that can be on the internet).

use crate::detect::chain::{at, before};
use crate::detect::context::boundary_at_least;

/// Lengths of RFC 5321.
const LOCAL_MAX: usize = 64;
const DOMAIN_MAX: usize = 253;

/// Country codes in the domain name system (ISO 3166-1, with the exceptions that IANA lists).
const COUNTRIES: &str = "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd cf cg ch \
ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy \
hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml \
mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc \
sd se sg sh si sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws \
ye yt za zm zw";

/// Last labels that aren't on the internet, and endings of files and units that stand behind an `@` in logs and code.
const NOT_DOMAINS: &[&str] = &[
    "local",
    "localhost",
    "localdomain",
    "lan",
    "internal",
    "intranet",
    "corp",
    "home",
    "invalid",
    "test",
    "service",
    "socket",
    "target",
    "slice",
    "mount",
    "timer",
    "device",
    "scope",
    "swap",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "webp",
    "ico",
    "css",
    "scss",
    "js",
    "mjs",
    "jsx",
    "ts",
    "tsx",
    "json",
    "html",
    "htm",
    "xml",
    "yaml",
    "yml",
    "toml",
    "txt",
    "log",
    "conf",
    "cfg",
    "ini",
    "php",
    "cpp",
    "java",
    "class",
    "jar",
    "dll",
    "exe",
    "pdf",
    "doc",
    "docx",
    "xls",
    "xlsx",
    "csv",
    "tar",
    "gz",
    "bz2",
    "xz",
    "whl",
    "deb",
    "rpm",
    "lock",
    "tgz",
    "min",
    "map",
    "main",
    "master",
    "git",
    "get",
    "set",
    "len",
    "foo",
    "bar",
    "baz",
];

/// Names of what identifies a message, not a person.
const MESSAGE_HEADERS: &[&str] = &[
    "message-id:",
    "references:",
    "in-reply-to:",
    "content-id:",
    "x-message-id:",
    "cid:",
];

/// The address around the `@` at a position.
pub(crate) fn find(text: &str, sign: usize) -> Option<(usize, usize)> {
    let start = local_start(text, sign)?;
    let end = domain_end(text, sign)?;
    let local = text.get(start..sign)?;
    let is_dot_atom = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
    let bytes = text.as_bytes();
    // `ssh://git@host`, `user@host:path`, `f(a@b.c(1))` and `@scope/package@file.js` aren't addresses.
    let is_login = text.get(..start)?.ends_with("://")
        || (at(bytes, end) == b':' && matches!(local, "git" | "hg" | "svn" | "root"));
    let is_code = matches!(at(bytes, end), b'(' | b'@' | b'_' | b'=');
    let is_fitting =
        is_dot_atom && is_domain(text.get(sign + 1..end)?) && !is_login && !is_code && !is_of_message(text, start);
    is_fitting.then_some((start, end))
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn local_start(text: &str, sign: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut start = sign;
    while start > 0 && sign - start < LOCAL_MAX {
        let previous = before(bytes, start);
        if is_local(previous) {
            start -= 1;
        } else {
            let letter = text
                .get(..start)?
                .chars()
                .next_back()
                .filter(|letter| !letter.is_ascii() && letter.is_alphanumeric());
            let Some(letter) = letter else { break };
            start -= letter.len_utf8();
        }
    }
    // Signs that are allowed inside an address, but that before one belong to what surrounds it.
    let is_surrounding = |byte: u8| b"'`{|/=*&?#!$%~^.-+".contains(&byte);
    while start < sign && is_surrounding(at(bytes, start)) {
        start += 1;
    }
    if let Some(last) = text.get(start..sign)?.rfind(['=', '/', '|', '\'', '{', '&', '?', '#']) {
        start += last + 1;
    }
    // `\n` and `\t` in escaped strings.
    if before(bytes, start) == b'\\' && matches!(at(bytes, start), b'n' | b't' | b'r') {
        start += 1;
    }
    (start < sign).then_some(start)
}

fn domain_end(text: &str, sign: usize) -> Option<usize> {
    let window_end = boundary_at_least(text, (sign + 1 + DOMAIN_MAX).min(text.len()));
    let domain = text.get(sign + 1..window_end)?;
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '.' | '-');
    let length = domain.find(|character| !is_part(character)).unwrap_or(domain.len());
    let domain = domain.get(..length)?.trim_end_matches(['.', '-']);
    (!domain.is_empty()).then_some(sign + 1 + domain.len())
}

fn is_domain(domain: &str) -> bool {
    let is_label =
        |label: &str| !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-');
    let Some((name, last)) = domain.rsplit_once('.') else {
        return false;
    };
    if !name.split('.').all(is_label) {
        return false;
    }
    let last = last.to_lowercase();
    if last.starts_with("xn--") {
        return last.len() > 4;
    }
    let is_word = (2..=24).contains(&last.len()) && last.chars().all(char::is_alphabetic);
    is_word
        && if last.len() == 2 {
            COUNTRIES.split(' ').any(|code| code == last)
        } else {
            !NOT_DOMAINS.contains(&last.as_str())
        }
}

/// Whether the line is a header that names a message.
fn is_of_message(text: &str, start: usize) -> bool {
    let from = boundary_at_least(text, start.saturating_sub(128));
    let line = text
        .get(from..start)
        .and_then(|before| before.rsplit('\n').next())
        .unwrap_or_default();
    let beginning = line.trim_start().to_ascii_lowercase();
    MESSAGE_HEADERS
        .iter()
        .any(|header| beginning.starts_with(header) || beginning.ends_with(header))
}

#[cfg(test)]
mod tests {
    use super::find;

    fn address(text: &str) -> Option<&str> {
        let sign = text.find('@')?;
        find(text, sign).map(|(start, end)| &text[start..end])
    }

    #[test]
    fn addresses_are_cut_out_of_what_surrounds_them() {
        for (text, expected) in [
            (
                "Jane <jane.doe+news@mail.example.co.uk>, ",
                "jane.doe+news@mail.example.co.uk",
            ),
            ("mailto:o'neil@example.com?subject=x", "neil@example.com"),
            ("write to j@example.org.", "j@example.org"),
            ("m\u{fc}ller@b\u{fc}cher.de", "m\u{fc}ller@b\u{fc}cher.de"),
            ("{\"a\":\"x\\nann@example.com\"}", "ann@example.com"),
            ("user=ann@example.com&x", "ann@example.com"),
            ("\u{201c}ann@example.museum\u{201d}", "ann@example.museum"),
        ] {
            assert_eq!(address(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_uses_of_the_sign_are_no_addresses() {
        for text in [
            "icon@2x.png",
            "root@localhost",
            "getty@tty1.service",
            "git@github.com:a/b.git",
            "react@18.2.0",
            "@types/node",
            "ssh://ops@example.com/",
            "a@b",
            "x@y.zz",
            "Message-ID: <1234.abc@mail.example.com>",
            "user@host.local",
            "foo@bar.method()",
            "..@example.com",
        ] {
            assert_eq!(address(text), None, "{text}");
        }
    }
}
