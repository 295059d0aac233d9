//! Completions and manual pages, made from the definition of the command line.

use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;

use super::arguments::Arguments;
use crate::failure::Failure;

/// The completions for a shell.
pub(super) fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "holdfast", &mut text);
    text
}

/// The manual page of the program.
pub(super) fn page() -> Result<Vec<u8>, Failure> {
    let mut root = Arguments::command();
    root.build();
    render(root).map_err(|error| Failure::io("make the manual page", &error))
}

/// Writes the manual pages of the program and of all commands into a folder.
pub(super) fn write_pages(folder: &Path) -> Result<usize, Failure> {
    let failed = |error: io::Error| Failure::io(format!("write manual pages into `{}`", folder.display()), &error);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut root = Arguments::command();
    root.build();
    write_command(&root, folder).map_err(failed)
}

fn write_command(command: &clap::Command, folder: &Path) -> io::Result<usize> {
    let name = command.get_display_name().unwrap_or("holdfast").to_owned();
    std::fs::write(folder.join(format!("{name}.1")), render(command.clone())?)?;
    let mut count = 1;
    for subcommand in command.get_subcommands() {
        count += write_command(subcommand, folder)?;
    }
    Ok(count)
}

/// A page in the order that manual pages have. Usage and examples are set as they stand, since their alignment matters.
fn render(mut command: clap::Command) -> io::Result<Vec<u8>> {
    let usage = command.render_usage().to_string();
    let notes = command.get_after_long_help().or_else(|| command.get_after_help());
    let notes = notes.map(ToString::to_string);
    let has_subcommands = command.has_subcommands();
    let name = command.get_display_name().unwrap_or("holdfast").to_owned();
    let man = clap_mangen::Man::new(command);
    let mut page = Vec::new();
    // Without a date, which would make every build another: an empty argument has to be quoted to count.
    writeln!(
        page,
        ".TH {name} 1 \"\" \"holdfast {}\" Holdfast",
        env!("CARGO_PKG_VERSION")
    )?;
    man.render_name_section(&mut page)?;
    verbatim(&mut page, "SYNOPSIS", usage.trim_start_matches("Usage: "))?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_subcommands {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(notes) = notes {
        match notes.strip_prefix("Examples:\n") {
            Some(examples) => verbatim(&mut page, "EXAMPLES", examples)?,
            None => verbatim(&mut page, "NOTES", notes.trim_start())?,
        }
    }
    Ok(page)
}

/// A section whose lines aren't filled, with what roff would take for its own escaped.
fn verbatim(page: &mut Vec<u8>, heading: &str, text: &str) -> io::Result<()> {
    writeln!(page, ".SH {heading}\n.nf")?;
    for line in text.lines() {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
        writeln!(page, "{guard}{line}")?;
    }
    writeln!(page, ".fi")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_roff_would_take_for_its_own_is_escaped() {
        let mut page = Vec::new();
        verbatim(&mut page, "NOTES", ".x\n'y\na\\ --b").unwrap();
        assert_eq!(
            String::from_utf8(page).unwrap(),
            ".SH NOTES\n.nf\n\\&.x\n\\&'y\na\\e \\-\\-b\n.fi\n"
        );
    }
}
