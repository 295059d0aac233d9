//! The texts that teach: `holdfast --help`, and the examples below each command's help.

/// The overview: commands by what they are for.
pub(super) const TEMPLATE: &str = "\
{about}

{usage-heading} {usage}

See it work:
  demo         A scratch disk, ordinary work, an attack, the way back: in a minute

Serve disks:
  up           Serve all volumes until stopped; makes a first volume if there is none
  status       What is served, who is connected, how the volumes are
  volume       Make, change and check volumes: create, list, show, resize, delete,
               import, export, verify, repair

Stop encryption:
  guard        See, set and release the guards that watch disks for encryption: status,
               set, release, fence, sensitivity, announce

After an attack:
  investigate  Which files were damaged, which only read, whose data was in them
  restore      ... --before-attack --keep-good: damaged files back, good work kept

Get files back:
  files        See what is on a disk at any moment, and copy files out: ls, cat, cp, find,
               history, diff

Decide and answer for it:
  incidents    What belongs together: list, show, acknowledge, assign, note, recovered, close, reopen
  alerts       What was noticed: list (also as OCSF, ECS, CEF), show
  ledger       The record of it all: list, verify, export, backup

  policy       What is done about alerts, by itself: list, check, test (on past alerts), explain
  actions      What was done, and how it ended: list, show
  approvals    What needs a second person: list, show, ask, approve, refuse, withdraw, rules, enable,
               disable, seal, break-glass

See it in logs:
  threat       Search logs of Windows, directories, clouds and hypervisors for attacks: scan,
               replay, watch, explain, stories, entities, mark, marks, unmark, status, tokens,
               rules (list, check, test, explain, update)

Prove it:
  drill        Attack a throw-away fork of a disk, restore it, compare every file: run, status,
               history, report

Was it leaked:
  exposure     A private breach monitor that speaks the Have I Been Pwned API: import, check,
               serve, ask, watch, feeds, keys, private, erase, stats

Tell people:
  notices      Who was told of what, and whether it arrived: list, show, test, acknowledge, retry

Travel in time:
  history      When the disk was written to, and what was done with it
  restore      Return a disk to a moment or to --before-attack, or take that back with --undo
  fork         Make a writable volume that starts at a moment of another
  pin          Keep a moment under a name, beyond the retention time
  unpin        Remove a pin

See and decide in a browser:
  console      The web pages and the API: status, link, people, tokens, certificate, openapi

Set up:
  config       Check or print configuration files
  completions  Print the completions for a shell
  man          Print the manual pages

Options:
{options}
{after-help}";

/// Below the options, in both lengths of help.
pub(super) const AFTER_HELP: &str = "
Moments:   -15m   10:15   '2026-11-23 10:15'   2026-11-23T10:15:00Z   '#1234'   before-update (a pin)

`holdfast --help` tells what to do after an attack, and the exit codes.";

/// The long help: the worst day, and what scripts need.
pub(super) const AFTER_LONG_HELP: &str = "
Moments:
  -15m, -1h30m, -2d        so long ago
  10:15, 'yesterday 10:15' the last time it was 10:15 here
  '2026-11-23 10:15'       a time here
  2026-11-23T10:15:00Z     a time in UTC (or with an offset such as +01:00)
  '#1234'                  a sequence number, as `holdfast history` shows them
  before-update            the moment that a pin keeps
  NBD clients open a moment read-only as export `VOLUME@MOMENT`.

I was hit by ransomware. What now?
  1. Shut the machine down hard, or cut its network. What it has done to its disk can be undone.
     If the guard saw it (holdfast guard status), one command does the rest, then go on with 6:
                                                      holdfast restore disk --before-attack
  2. See when the writing went wild:                  holdfast history disk --since -1d
  3. Look at the files as they were before, changing nothing, and copy some out:
                                                      holdfast files ls -l disk@-2h:/home
                                                      holdfast files cp disk@-2h:/home /srv/rescued
     Or see the whole disk of that moment as a file `then` (`holdfast status` shows NBD_SOCKET):
       touch then && nbdfuse then 'nbd+unix:///disk@-2h?socket=NBD_SOCKET'
  4. Keep the evidence under a name:                  holdfast pin disk attack
  5. Return to the last good moment:                  holdfast restore disk -2h
     Wrong moment? Take it back and choose another:   holdfast restore disk --undo
  6. Start the machine again, from the restored disk. Connections from before are refused writes.
  Nothing in these steps destroys anything: each can be undone.

Exit codes:
  0  done
  1  failed: a disk, a file or the daemon gave an error
  2  the command line can't be understood
  3  no such volume, pin, moment or file
  4  refused: in use, taken, or not allowed now
  5  stored bytes are damaged
  6  no space
  7  the configuration file can't be used
  8  a volume is fenced: an attack was recognised
  9  a drill failed, or is overdue
  10  something that was checked is leaked
  11  it needs the approval of others";

pub(super) const UP: &str = "\
Examples:
  holdfast up                                     a first disk of 10 GiB, for this user
  holdfast up --create vm7=100G --tcp             another one, also on 127.0.0.1:10809
  holdfast up --listen unix:/run/holdfast/nbd.sock

SIGTERM or SIGINT: finish requests, flush, checkpoint, stop; a second one exits at once.
SIGHUP: read the configuration of the volumes again.";

pub(super) const DEMO: &str = "\
In a folder of its own below the temporary folder (TMPDIR names another), the demo makes a disk with
a file system, fills it with copies of documents from /usr, works on them as an office does, and then
overwrites them with noise until the guard stops that. It returns the disk to before the attack and
compares every file by its hash. Nothing else on the machine is touched, and the folder is removed.

On a terminal it takes about a minute. With --json every scene is a line, and the last line is the
result. Exit code 1: the attack was not stopped, or a file isn't as it was.";

pub(super) const STATUS: &str = "\
With --check the exit code is that of the worst that is found: 8 a fenced volume, 5 damage, 1 no
daemon or a failed disk below, 6 no space, 4 an import that was cut off, 9 a drill that failed or is
overdue; 0 if all is well.";

pub(super) const SIZES: &str = "\
Sizes: 10G, 512M, 1.5TiB; units are powers of 1024. From 1 MiB to 64 TiB, in steps of 512 bytes.";

pub(super) const HISTORY: &str = "\
Examples:
  holdfast history disk                           everything that is kept
  holdfast history disk --since -1h --bucket 1m   the last hour, minute by minute";

pub(super) const PIN: &str = "\
Examples:
  holdfast pin disk before-update                 this moment
  holdfast pin disk friday --at '2026-11-20 18:00'";

pub(super) const FORK: &str = "\
Examples:
  holdfast fork disk copy                         a copy of now
  holdfast fork disk@-2h examine                  to look into, and write to, the past";

pub(super) const RESTORE: &str = "\
Nothing is lost: the restore is itself a moment of the history, and --undo returns to before it. A
second --undo takes the first back, and so on: repeated, it goes to and fro between the two states.
Clients that are connected are refused writes until they reconnect, so that what they remember of
the disk can't damage the restored one: shut a machine down first, or restart it afterwards.

Examples:
  holdfast restore disk --before-attack           to the restore point that the guard made
  holdfast restore disk -15m
  holdfast restore disk before-update
  holdfast restore disk --undo";

pub(super) const GUARD_STATUS: &str = "\
Examples:
  holdfast guard status                           all volumes
  holdfast guard status disk                      one, with what the guard saw and what to do now";

pub(super) const GUARD_SET: &str = "\
Holds until `guard` or `fence` change in the configuration file, also after a restart. A fence that
is in force stays what it is; the new choice is for the next one.

Examples:
  holdfast guard set disk --fence pause
  holdfast guard set disk --off";

pub(super) const GUARD_RELEASE: &str = "\
What was suspected is ordinary work: writes are accepted again, the guard watches on, and the
restore point from before stays for some days. If it was an attack, shut the machine down and
`holdfast restore VOLUME --before-attack` instead. A diverted disk needs a decision about what was
written since the fence went up:
  --keep  it was a false alarm: the disk goes on with these writes, and nobody notices anything
  --drop  they are forgotten: the disk is as it was when the fence went up; clients must reconnect

Examples:
  holdfast guard release disk
  holdfast guard release disk --keep";

pub(super) const GUARD_ANNOUNCE: &str = "\
For work that can't be told from an attack: turning on BitLocker or LUKS, wiping a disk, encrypting
a file server's folders. Nothing is fenced meanwhile; restore points are made as always, log and
webhook tell what would have been fenced.

Examples:
  holdfast guard announce 'enabling BitLocker' --for 2h
  holdfast guard announce 'wiping the old partition' --for 30m --name vm7
  holdfast guard announce --end";

pub(super) const DRILL_RUN: &str = "\
The present disk is forked, which takes no space and which the guest doesn't notice. Files are chosen
on the fork, and attacked there under a guard of its own; then the fork is restored, every file chosen
is compared by its hash, and the file system checked by its own tool where that is installed. Pins and
other moments are opened, and files in them compared with what earlier drills found. The fork is then
deleted. Nothing of this writes to the volume.

Attacks:
  in-place-whole        files encrypted in place, one after the other
  every-other-16-bytes  every other 16 bytes of each file encrypted
  head-64k              the first 64 KiB of each file encrypted
  five-percent          5 % of each file encrypted, in pieces
  low-entropy           files replaced by Base64, which doesn't look random
  slow                  one file every 20 seconds encrypted in place
  random-order          pieces of all files encrypted in random order
  eight-workers         eight files at a time encrypted in place
These need not be recognised for a drill to pass; they show the way back:
  wipe-random           files overwritten with random bytes
  wipe-zeros            files overwritten with zeros
  copy-and-trim         encrypted copies into free space, the originals discarded
  trim-files            files discarded
  wipe-structures       partition tables and the beginnings of file systems overwritten

Exit code 9: the drill failed.

Examples:
  holdfast drill run disk
  holdfast drill run disk --case slow --all";

pub(super) const DRILL_STATUS: &str = "\
Examples:
  holdfast drill status                           all volumes
  holdfast drill status disk                      one, with its newest drill in full";

pub(super) const DRILL_REPORT: &str = "\
Examples:
  holdfast drill report --html drills.html        a page for people, with a plot of all results
  holdfast drill report disk --json               everything that is kept, for programs";

pub(super) const EXPORT: &str = "\
Examples:
  holdfast volume export disk disk.qcow2
  holdfast volume export disk@yesterday\\ 18:00 evening.raw
Onto a block device: nbdcopy 'nbd+unix:///disk?socket=NBD_SOCKET' /dev/sdX";

/// `holdfast investigate --help`
pub(super) const INVESTIGATE: &str = "\
Examples:
  holdfast investigate disk                                  what the guard saw, until now
  holdfast investigate disk --from 10:15 --html report.html  since 10:15, and a page to pass on
  holdfast investigate disk --from -2h --to -1h --json

File systems are read inside both moments, without mounting; nothing on the disk is changed.
Reads are known where the guard kept them. docs/answers.md tells how files are judged.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureCode;

    #[test]
    fn the_exit_codes_told_are_the_ones_used() {
        for code in FailureCode::ALL {
            let line = format!("\n  {}  {}", code.exit_code(), code.meaning());
            assert!(AFTER_LONG_HELP.contains(&line), "{line}");
        }
    }

    #[test]
    fn the_attacks_told_are_the_ones_there_are() {
        for case in drill::Case::ALL {
            let line = format!("\n  {:<21} {}\n", case.name(), case.summary());
            assert!(DRILL_RUN.contains(&line), "{line}");
        }
    }
}
