//! Completions and manual pages, made from the definition of the command line.

use std::io;
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
    render(Arguments::command()).map_err(|error| Failure::io("make the manual page", &error))
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

fn render(command: clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}
