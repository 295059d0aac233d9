//! One page that needs nothing else: no network, no other file. For whoever has to decide, then for whoever has to work.
//!
//! Everything that comes from the disk is escaped: names of files are the attacker's to choose.

use std::io::{self, Write};

use super::sentences::{files, size, were};
use super::types::{Bucket, DataAnswer, FileReport, Group, Investigation, PersonalReport};
use super::what::What;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Rows of the list of files: more belong into the CSV.
const ROWS_MAX: usize = 20_000;
/// The timeline's measures in its own units.
const CHART_WIDTH: u64 = 1000;
const CHART_HEIGHT: u64 = 180;

/// Writes the page.
pub fn write_html(investigation: &Investigation, out: &mut dyn Write) -> io::Result<()> {
    let volume = escaped(&investigation.volume);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\
         <title>What happened on {volume}</title>\n<style>{STYLE}</style></head><body>\n<header><p class=\"product\">Holdfast</p>\
         <h1>What happened on <em>{volume}</em></h1><p class=\"span\">{} to {} (UTC)</p></header>\n<main>\n",
        investigation.from.time, investigation.to.time
    )?;
    write_summary(investigation, out)?;
    write_figures(investigation, out)?;
    write_timeline(&investigation.timeline, out)?;
    write_groups(investigation, out)?;
    if let Some(personal) = &investigation.personal {
        write_personal(personal, out)?;
    }
    write_limits(investigation, out)?;
    write_files(investigation, out)?;
    write!(out, "</main>\n<script>{SCRIPT}</script></body></html>\n")
}

fn write_summary(investigation: &Investigation, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<section class=\"summary\">")?;
    for sentence in &investigation.summary {
        write!(out, "<p>{}</p>", with_code(sentence))?;
    }
    writeln!(out, "</section>")
}

/// A sentence, with what stands in backticks as code.
fn with_code(sentence: &str) -> String {
    let parts = sentence.split('`').enumerate();
    let texts = parts.map(|(number, part)| match number % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    });
    texts.collect()
}

fn write_figures(investigation: &Investigation, out: &mut dyn Write) -> io::Result<()> {
    let totals = &investigation.totals;
    let count = |what: What| totals.by_what.get(what.name()).copied().unwrap_or(0);
    let known = investigation.readings.is_complete;
    let read = if known { totals.read.to_string() } else { "?".to_owned() };
    let figures = [
        (
            "bad",
            totals.damaged.to_string(),
            "files damaged",
            size(totals.damaged_bytes),
        ),
        (
            "warn",
            read,
            "files read only",
            if known {
                size(totals.read_bytes)
            } else {
                "not known".to_owned()
            },
        ),
        ("", count(What::Note).to_string(), "ransom notes", String::new()),
        (
            "good",
            (count(What::Changed) + count(What::Created)).to_string(),
            "files with good work",
            "kept".to_owned(),
        ),
        ("", totals.files.to_string(), "files before", String::new()),
    ];
    write!(out, "<section class=\"figures\">")?;
    for (class, figure, text, more) in figures {
        write!(
            out,
            "<div class=\"figure {class}\"><b>{figure}</b><span>{text}</span><small>{}</small></div>",
            escaped(&more)
        )?;
    }
    writeln!(out, "</section>")
}

fn write_timeline(buckets: &[Bucket], out: &mut dyn Write) -> io::Result<()> {
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
        return Ok(());
    };
    let most_damaged = buckets.iter().map(|bucket| bucket.damaged).max().unwrap_or(0).max(1);
    let most_bytes = buckets
        .iter()
        .map(|bucket| bucket.changed_bytes.max(bucket.read_bytes))
        .max();
    let most_bytes = most_bytes.unwrap_or(0).max(1);
    let width = CHART_WIDTH as f64 / buckets.len() as f64;
    write!(
        out,
        "<section><h2>Over time</h2><svg viewBox=\"0 0 {CHART_WIDTH} {}\" role=\"img\" aria-label=\"damaged files and bytes over time\">",
        CHART_HEIGHT + 24
    )?;
    for (number, bucket) in buckets.iter().enumerate() {
        let left = number as f64 * width;
        let height = |value: u64, most: u64| CHART_HEIGHT as f64 * value as f64 / most as f64;
        let bars = [
            ("written", height(bucket.changed_bytes, most_bytes), width * 0.9),
            ("reads", height(bucket.read_bytes, most_bytes), width * 0.4),
            ("damage", height(bucket.damaged, most_damaged), width * 0.55),
        ];
        for (class, height, width) in bars.into_iter().filter(|(_, height, _)| *height > 0.0) {
            let height = height.max(1.5);
            let top = CHART_HEIGHT as f64 - height;
            write!(
                out,
                "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"><title>{}: {} \
                 damaged, {} written, {} read</title></rect>",
                bucket.time,
                files(bucket.damaged),
                size(bucket.changed_bytes),
                size(bucket.read_bytes)
            )?;
        }
    }
    let baseline = CHART_HEIGHT + 18;
    writeln!(
        out,
        "<line x1=\"0\" x2=\"{CHART_WIDTH}\" y1=\"{CHART_HEIGHT}\" y2=\"{CHART_HEIGHT}\"/><text x=\"0\" y=\"{baseline}\">{}</text>\
         <text x=\"{CHART_WIDTH}\" y=\"{baseline}\" class=\"end\">{}</text></svg><p class=\"legend\"><i class=\"damage\"></i>files damaged (at \
         most {most_damaged} in {} s) <i class=\"written\"></i>bytes written <i class=\"reads\"></i>bytes read (at most {})</p></section>",
        first.time,
        last.time,
        first.seconds,
        size(most_bytes)
    )
}

fn write_groups(investigation: &Investigation, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<section class=\"groups\">")?;
    let known = investigation.readings.since.is_some();
    write_group("folder", &investigation.by_folder, known, out)?;
    write_group("type", &investigation.by_type, known, out)?;
    write_group("owner", &investigation.by_owner, known, out)?;
    writeln!(out, "</section>")
}

fn write_group(what: &str, groups: &[Group], known: bool, out: &mut dyn Write) -> io::Result<()> {
    let most = groups
        .iter()
        .map(|group| group.damaged.max(group.read))
        .max()
        .unwrap_or(0)
        .max(1);
    write!(
        out,
        "<div><h2>By {what}</h2><div class=\"scroll\"><table><tr><th>{what}</th><th>damaged</th><th>read only</th></tr>"
    )?;
    for group in groups {
        write!(
            out,
            // A length as an attribute of a picture: a style within would need a policy that allows styles from anywhere.
            "<tr><td>{}<svg class=\"bar\" viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect width=\"{}\" \
             height=\"1\"/></svg></td><td>{}</td><td>{}</td></tr>",
            escaped(&group.name),
            group.damaged * 100 / most,
            group.damaged,
            if known { group.read.to_string() } else { "?".to_owned() }
        )?;
    }
    write!(out, "</table></div></div>")
}

fn write_personal(personal: &PersonalReport, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<section><h2>Personal data in the files touched</h2><table class=\"personal\"><tr><th>class</th><th>found</th><th>in \
         files</th><th>taken</th><th>not taken</th><th>unknown</th><th>examples, masked</th></tr>"
    )?;
    for (class, answer) in &personal.classes {
        write_answer(class, answer, out)?;
    }
    write!(
        out,
        "</table><p class=\"explained\"><b>Taken</b>: clients read the file from the disk in this time, so take its content for gone. \
         <b>Not taken</b>: not a block of it was read while reads were being kept, and what happened to it needs no reading. \
         <b>Unknown</b>: reads weren't kept, or the file may have been read from the machine's memory. Whether anything that was read left \
         the machine, no disk can tell. {} {} searched",
        files(personal.searched),
        were(personal.searched)
    )?;
    if personal.not_searched > 0 {
        write!(out, ", {} were not, for lack of time", personal.not_searched)?;
    }
    if personal.unread > 0 {
        write!(out, "; {} could be understood only in part", personal.unread)?;
    }
    writeln!(out, ".</p></section>")
}

fn write_answer(class: &str, answer: &DataAnswer, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<tr><td title=\"{}\">{}</td><td>{}</td><td>{}</td><td class=\"bad\">{}</td><td class=\"good\">{}</td><td>{}</td><td>{}</td></tr>",
        escaped(class),
        escaped(&answer.title),
        answer.found,
        answer.files,
        answer.taken,
        answer.not_taken,
        answer.unknown,
        escaped(&answer.examples.join(", "))
    )
}

fn write_limits(investigation: &Investigation, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<section><h2>What isn't known</h2><ul>")?;
    for limit in &investigation.limits {
        write!(out, "<li>{}</li>", with_code(limit))?;
    }
    write!(
        out,
        "</ul><h2>File systems</h2><table><tr><th>file system</th><th>kind</th><th>files before</th><th>files after</th><th>new extensions</th></tr>"
    )?;
    for system in &investigation.file_systems {
        let after = system
            .files_after
            .map_or_else(|| "can't be read".to_owned(), |files| files.to_string());
        let extensions: Vec<String> = system
            .extensions
            .iter()
            .map(|(name, count)| format!(".{} ({})", escaped(name), files(*count as u64)))
            .collect();
        let name = if system.area.is_empty() {
            "whole disk"
        } else {
            &system.area
        };
        write!(
            out,
            "<tr><td>{} {}</td><td>{}</td><td>{}</td><td>{after}</td><td>{}</td></tr>",
            escaped(name),
            escaped(&system.label),
            system.kind,
            system.files_before,
            extensions.join(", ")
        )?;
    }
    writeln!(out, "</table></section>")
}

fn write_files(investigation: &Investigation, out: &mut dyn Write) -> io::Result<()> {
    let shown = investigation.files.len().min(ROWS_MAX);
    write!(
        out,
        "<section><h2>Files</h2><p class=\"tools\"><input id=\"search\" type=\"search\" placeholder=\"part of a path, a word of the evidence\" \
         aria-label=\"search\"><select id=\"what\" aria-label=\"what happened\"><option value=\"\">everything</option>\
         <option value=\"damage\">all damage</option>"
    )?;
    for what in What::ALL {
        if let Some(count) = investigation.totals.by_what.get(what.name()) {
            write!(
                out,
                "<option value=\"{}\">{} ({count})</option>",
                what.name(),
                what.text()
            )?;
        }
    }
    writeln!(
        out,
        "</select> <span id=\"count\"></span></p><table id=\"files\"><thead><tr><th>file</th><th>what happened</th><th>when</th>\
         <th>size</th><th>why this is said</th></tr></thead><tbody>"
    )?;
    for file in investigation.files.iter().take(shown) {
        write_file(file, out)?;
    }
    write!(out, "</tbody></table>")?;
    if shown < investigation.files.len() {
        write!(
            out,
            "<p>{} more files are in the CSV.</p>",
            investigation.files.len() - shown
        )?;
    }
    writeln!(out, "</section>")
}

fn write_file(file: &FileReport, out: &mut dyn Write) -> io::Result<()> {
    let class = match () {
        () if file.what.is_damage() => "damage",
        () if matches!(
            file.what,
            What::Read | What::ReadInPart | What::PerhapsRead | What::Note | What::EncryptedCopy
        ) =>
        {
            "warn"
        }
        () => "",
    };
    let new_path = file
        .new_path
        .as_ref()
        .map(|path| format!("<small>now {}</small>", escaped(path)));
    let area = if file.area.is_empty() {
        String::new()
    } else {
        format!("{}:", file.area)
    };
    let personal: Vec<String> = file
        .personal
        .iter()
        .map(|(class, count)| format!("{class}: {count}"))
        .collect();
    let personal = if personal.is_empty() {
        String::new()
    } else {
        format!("<small>personal data: {}</small>", escaped(&personal.join(", ")))
    };
    writeln!(
        out,
        "<tr data-what=\"{}\" data-damage=\"{}\"><td>{}{}{}{personal}</td><td class=\"{class}\">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        file.what.name(),
        u8::from(file.what.is_damage()),
        escaped(&area),
        escaped(&file.path),
        new_path.unwrap_or_default(),
        file.what.text(),
        file.first.map_or_else(String::new, |time| time.to_string()),
        file.size_bytes.or(file.new_size_bytes).map_or_else(String::new, size),
        escaped(&file.evidence.join("; "))
    )
}

/// Text as HTML. Control characters, and those that turn the direction of writing around, would lie about a name: they are shown.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(character)))
            }
            character if character.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(character))),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_not_become_markup() {
        assert_eq!(
            escaped("<script>'x'&\"y\""),
            "&lt;script&gt;&#39;x&#39;&amp;&quot;y&quot;"
        );
        assert_eq!(escaped("a\u{202e}b\nc"), "a\\u{202e}b\\x0ac");
        assert_eq!(with_code("run `a <b>`"), "run <code>a &lt;b&gt;</code>");
    }
}
