//! What a person sees when the daemon has started: what is served, how to connect, how to travel in time.

use std::path::Path;

use super::sockets::Servers;
use crate::console_site::Started;
use crate::engine::Engine;
use crate::log::Log;
use crate::place::{Place, Surroundings};
use crate::size::format_size;

/// Prints the screen where a person may read it; a log line tells the same to programs.
pub(super) fn show(engine: &Engine, place: &Place, servers: &Servers, console: Option<&Started>, log: &Log) {
    let volumes = volumes(engine);
    let names: Vec<&str> = volumes.iter().map(|(name, _)| name.as_str()).collect();
    let served = if names.is_empty() {
        "no volume yet".to_owned()
    } else {
        names.join(", ")
    };
    log.info(
        "",
        format!(
            "serves {served} from `{}` on {}",
            place.data.display(),
            servers.places().join(", ")
        ),
    );
    if log.is_for_people() {
        let text = screen(&volumes, &command(&place.data), servers.places(), servers.socket());
        let text = text + &pages(console);
        // The daemon serves as well without anybody reading.
        let _ = std::io::Write::write_all(&mut std::io::stdout().lock(), text.as_bytes());
    }
}

/// Where the pages are, and the way in for whoever comes first.
fn pages(console: Option<&Started>) -> String {
    let Some(Started {
        address: Some(address),
        link,
        ..
    }) = console
    else {
        return String::new();
    };
    match link {
        Some(link) => format!(
            "See and decide in a browser: {address}\nNobody has an account yet. This link makes the first one, once:\n  {link}\n\n"
        ),
        None => format!("See and decide in a browser: {address}\n\n"),
    }
}

fn volumes(engine: &Engine) -> Vec<(String, u64)> {
    let names = engine.names().unwrap_or_default();
    names
        .into_iter()
        .filter_map(|name| Some((name.clone(), engine.whole_volume(&name).ok()?.size_bytes())))
        .collect()
}

/// How to call this program from another terminal.
fn command(data: &Path) -> String {
    let program = std::env::args()
        .next()
        .filter(|program| program.contains('/'))
        .unwrap_or_else(|| "holdfast".to_owned());
    if Surroundings::read().default_data().is_ok_and(|default| default == data) {
        return program;
    }
    format!("{program} --data {}", data.display())
}

fn screen(volumes: &[(String, u64)], command: &str, places: &[String], socket: Option<&Path>) -> String {
    let none = if volumes.is_empty() { " no volume yet" } else { "" };
    let mut text = format!("\nHoldfast {} serves{none}\n", env!("CARGO_PKG_VERSION"));
    for (name, size_bytes) in volumes {
        text += &format!("  {name:<12} {}\n", format_size(*size_bytes));
    }
    text += &format!("on {}\n\n", places.join(", "));
    let Some((name, _)) = volumes.first() else {
        return text + &format!("Make one in another terminal:\n  {command} volume create disk 10G\n\n");
    };
    if let Some(socket) = socket.map(Path::display) {
        let uri = |export: &str| format!("'nbd+unix:///{export}?socket={socket}'");
        text += "Connect from another terminal:\n";
        text += &format!("  nbdinfo {}\n", uri(name));
        text += &format!(
            "  qemu-system-x86_64 -m 1G -drive format=raw,if=virtio,file={}\n",
            uri(name)
        );
        text += &format!("  nbdcopy disk.raw {}\n", uri(name));
        text += &format!("  sudo nbd-client -unix {socket} -name {name} /dev/nbd0\n\n");
        text += "Look at the disk as it was five minutes ago:\n";
        text += &format!("  nbdcopy {} before.raw\n", uri(&format!("{name}@-5m")));
    } else {
        text += "Connect from another terminal:\n";
        text += &format!(
            "  nbdinfo nbd://{}/{name}\n\n",
            places.first().map_or("", |place| place.trim_start_matches("tcp:"))
        );
        text += "Look at the past:\n";
    }
    text += &format!("  {command} history {name}\n\n");
    text += "Return to it, and take that back:\n";
    text += &format!("  {command} restore {name} -5m\n");
    text += &format!("  {command} restore {name} --undo\n\n");
    text + "Ctrl-C stops in good order.\n\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_shows_commands_that_can_be_pasted() {
        let volumes = [("disk".to_owned(), 10 << 30)];
        let places = ["unix:/d/nbd.sock".to_owned()];
        let text = screen(&volumes, "holdfast", &places, Some(Path::new("/d/nbd.sock")));
        for line in [
            "  disk         10 GiB\n",
            "  nbdinfo 'nbd+unix:///disk?socket=/d/nbd.sock'\n",
            "  sudo nbd-client -unix /d/nbd.sock -name disk /dev/nbd0\n",
            "  nbdcopy 'nbd+unix:///disk@-5m?socket=/d/nbd.sock' before.raw\n",
            "  holdfast restore disk -5m\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(screen(&[], "holdfast", &places, None).contains("  holdfast volume create disk 10G\n"));
        let tcp = ["tcp:127.0.0.1:10809".to_owned()];
        assert!(screen(&volumes, "holdfast", &tcp, None).contains("  nbdinfo nbd://127.0.0.1:10809/disk\n"));
    }
}
