//! The files as a table (RFC 4180), for spreadsheets.

use std::io::{self, Write};

use super::types::{FileReport, Investigation, Time};

const COLUMNS: &str = "area,path,new_path,what,damaged,kind,size_bytes,new_size_bytes,owner,first,last,changed_bytes,read_bytes,\
                       newest_good_sequence,newest_good_before,personal_data,evidence";

/// Writes one line a file.
pub fn write_csv(investigation: &Investigation, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{COLUMNS}\r\n")?;
    for file in &investigation.files {
        let cells: Vec<String> = cells(file).iter().map(|cell| quoted(cell)).collect();
        write!(out, "{}\r\n", cells.join(","))?;
    }
    Ok(())
}

fn cells(file: &FileReport) -> [String; 17] {
    let number = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
    let time = |time: Option<Time>| time.map_or_else(String::new, |time| time.to_string());
    let personal: Vec<String> = file
        .personal
        .iter()
        .map(|(class, count)| format!("{class}: {count}"))
        .collect();
    [
        file.area.clone(),
        file.path.clone(),
        file.new_path.clone().unwrap_or_default(),
        file.what.name().to_owned(),
        if file.what.is_damage() { "yes" } else { "no" }.to_owned(),
        file.kind.map_or("", crate::content::Kind::name).to_owned(),
        number(file.size_bytes),
        number(file.new_size_bytes),
        number(file.owner.map(u64::from)),
        time(file.first),
        time(file.last),
        file.changed_bytes.to_string(),
        number(file.read_bytes),
        number(file.newest_good.map(|good| good.sequence)),
        time(file.newest_good.map(|good| good.time)),
        personal.join("; "),
        file.evidence.join("; "),
    ]
}

/// Quoted where it has to be. A spreadsheet takes what begins with `=`, `+`, `-` or `@` for a formula, and names of files are the
/// attacker's to choose: an apostrophe keeps it text.
pub(crate) fn quoted(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if is_formula {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"x\""), "\"say \"\"x\"\"\"");
        assert_eq!(quoted("=cmd()"), "'=cmd()");
    }
}
