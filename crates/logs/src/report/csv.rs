//! A table for spreadsheets (RFC 4180): an alert a line.

use std::io::{self, Write};

use threat::alert::Alert;

use super::{About, finder_id, level_name, shown};

const HEAD: &str = "time,level,title,rule,log,machine,actor,target,address,object,count,attack,words,source,record\r\n";

/// What formulas begin with.
const FORMULAS: [&str; 8] = ["=", "+", "-", "@", "\u{ff1d}", "\u{ff0b}", "\u{ff0d}", "\u{ff20}"];

/// Writes the alerts.
///
/// # Errors
///
/// Those of `out`.
pub fn csv(about: &About<'_>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(HEAD.as_bytes())?;
    for alert in &about.outcome.alerts {
        let cells: Vec<String> = cells(alert).iter().map(|cell| quoted(cell)).collect();
        out.write_all(cells.join(",").as_bytes())?;
        out.write_all(b"\r\n")?;
    }
    Ok(())
}

fn cells(alert: &Alert) -> [String; 15] {
    let facts = &alert.facts;
    let first = alert.evidence.first();
    [
        alert.time.to_string(),
        level_name(alert.level).to_owned(),
        alert.title.to_string(),
        finder_id(&alert.finder).to_owned(),
        alert.logsource.in_words(),
        shown(&facts.machine).to_owned(),
        shown(&facts.actor).to_owned(),
        shown(&facts.target).to_owned(),
        facts.address.map(|address| address.to_string()).unwrap_or_default(),
        facts.object.clone().unwrap_or_default(),
        alert.count.to_string(),
        alert.attack.join(" "),
        alert.words.clone(),
        first.map(|origin| origin.source.to_string()).unwrap_or_default(),
        first.map(|origin| origin.record.to_string()).unwrap_or_default(),
    ]
}

/// A cell in quotes. What spreadsheets would calculate is made a text: logs hold what attackers wrote.
fn quoted(cell: &str) -> String {
    let text = cell.replace('"', "\"\"");
    // Some drop white space first, and some take letters of full width for those of half.
    let begins = |letter: &str| text.trim_start().starts_with(letter);
    let is_formula = text.starts_with(['\t', '\r', '\n']) || FORMULAS.into_iter().any(begins);
    format!("\"{}{text}\"", if is_formula { "'" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_whatever_stands_before_it() {
        for formula in ["=1+1", " =1+1", "\n=1+1", "\u{a0}@SUM(1)", "\u{ff1d}1+1", "\tx"] {
            assert!(quoted(formula).starts_with("\"'"), "{formula:?}");
        }
        assert_eq!(quoted("a=1, \"b\""), "\"a=1, \"\"b\"\"\"");
    }
}
