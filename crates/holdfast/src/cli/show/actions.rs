//! What commands that change something say.

use std::time::Duration;

use super::{count, guard, moment};
use crate::control::{AfterReport, CopyReport, DamageReport, ForkReport, PinReport, RestoreReport, VerifyReport};
use crate::size::format_size;
use crate::span::format_span;
use crate::when::local_short;

/// Damaged places shown; the rest is counted.
const DAMAGE_SHOWN_MAX: usize = 20;

pub(super) fn copied(report: &CopyReport) -> String {
    let size = format!(
        "{} of data on a disk of {}",
        format_size(report.data_bytes),
        format_size(report.size_bytes)
    );
    match &report.moment {
        None => format!("imported `{}` from a {} image: {size}\n", report.volume, report.format),
        Some(exported) => {
            format!(
                "exported `{}` as of {} to a {} image: {size}\n",
                report.volume,
                moment(exported),
                report.format
            )
        }
    }
}

pub(super) fn pinned(report: &PinReport) -> String {
    format!(
        "pin `{}` keeps {} until it is removed\n",
        report.name,
        moment(&report.moment)
    )
}

pub(super) fn forked(report: &ForkReport) -> String {
    format!(
        "`{}` ({}) starts at {} of `{}`; it is writable, and served if a daemon runs\n",
        report.fork,
        format_size(report.size_bytes),
        moment(&report.moment),
        report.from
    )
}

pub(super) fn restored(report: &RestoreReport) -> String {
    let volume = &report.volume;
    let what = if report.undone {
        "took the restore back"
    } else {
        "restored"
    };
    let mut text = format!("{what}: `{volume}` is as of {} again\n", moment(&report.to));
    text += &format!(
        "before this it was as of {}; nothing in between is lost\n",
        moment(&report.from)
    );
    if let Some(after) = &report.after {
        text += &restored_before_attack(after);
    }
    text += &guard::refused(report.clients_refused);
    let this = if report.undone {
        "to have the restore again"
    } else {
        "to undo this"
    };
    text + &format!("{this}: holdfast restore {volume} --undo\n")
}

/// How much lies after the restore point: what may have to be fetched from there, file by file.
fn restored_before_attack(after: &AfterReport) -> String {
    let mut text = format!(
        "pin `{}` is {} before this; {} were written since then, by the attack and by everything else\n",
        after.pin,
        format_span(Duration::from_secs(after.seconds)),
        format_size(after.bytes_written)
    );
    if let Some(fork) = &after.diverted_to {
        text += &format!("what was diverted is in the volume `{fork}`, which is kept until it is deleted\n");
    }
    text
}

pub(super) fn verified(report: &VerifyReport) -> String {
    let looked_at = format!(
        "{} in {}, {}",
        count(report.payloads, "stored payload"),
        count(report.segments, "segment"),
        format_size(report.bytes)
    );
    if report.damage.is_empty() && report.chain_intact {
        return format!("`{}` is intact: {looked_at}\n{}", report.volume, chain(report));
    }
    let mut text = format!(
        "`{}` is damaged: {} found in {looked_at}\n",
        report.volume,
        count(report.damage.len() as u64, "fault")
    );
    if !report.chain_intact {
        text += &broken_chain(report);
    }
    for damage in report.damage.iter().take(DAMAGE_SHOWN_MAX) {
        text += &damaged(&report.volume, damage);
    }
    if report.damage.len() > DAMAGE_SHOWN_MAX {
        text += &format!(
            "and {} more; `--json` lists all\n",
            report.damage.len() - DAMAGE_SHOWN_MAX
        );
    }
    text + "hint: reading what is damaged gives an I/O error, all else is served; check the disk below, then restore \
            or copy back what is named intact\n"
}

/// What a broken chain means. Rot breaks checksums where it hits; whoever changes history knowingly sets them right.
fn broken_chain(report: &VerifyReport) -> String {
    let has_fault = |segment: &u32| report.damage.iter().any(|damage| damage.segment == *segment);
    let (rotten, changed): (Vec<u32>, Vec<u32>) =
        report.changed_segments.iter().partition(|segment| has_fault(segment));
    let mut text = String::new();
    if report.changed_segments.is_empty() {
        text += "the hash chain is broken: a link of it is missing or damaged, so it can't prove that history is unchanged\n";
    }
    if !rotten.is_empty() {
        text += &format!(
            "the hash chain is broken in {}: changed since sealed, with the faults below; that is how rot looks, and \
             careless tampering\n  to tell which: rot shows in `dmesg` and `smartctl`, and elsewhere on that disk; a copy of \
             the folder shows which bytes differ\n",
            segments(&rotten)
        );
    }
    if !changed.is_empty() {
        text += &format!(
            "the hash chain is broken in {}: changed since sealed, though every checksum in it is right; rot hardly does \
             that: take it for tampering\n  to tell what: compare with a copy of the folder, and the number that `verify` \
             printed then with the one it prints for the copy\n",
            segments(&changed)
        );
    }
    text
}

fn segments(ids: &[u32]) -> String {
    let all = ids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    if ids.len() == 1 {
        format!("segment {all}")
    } else {
        format!("segments {all}")
    }
}

/// What the hash chain covers, and the one number to be noted elsewhere to prove later that history is unchanged.
fn chain(report: &VerifyReport) -> String {
    let chained = report.segments.saturating_sub(report.unchained_segments);
    if chained == 0 {
        return "no segment is sealed yet: the hash chain begins with the first that is\n".to_owned();
    }
    format!("hash chain over {}: {}\n", count(chained, "segment"), report.chain_head)
}

/// Since when a damaged block has been where it is.
fn since(damage: &DamageReport) -> String {
    let written = local_short(damage.written.0);
    match damage.moved {
        None => format!("written {written}"),
        Some(moved) if moved == damage.written => format!("written some time before it was moved {written}"),
        Some(moved) => format!("written {written}, moved {}", local_short(moved.0)),
    }
}

fn damaged(volume: &str, damage: &DamageReport) -> String {
    let place = format!("segment {} at offset {}", damage.segment, damage.offset);
    let Some(block) = damage.block else {
        return format!("  {place}: a structure of the log\n");
    };
    let time = local_short(damage.written.0);
    let (first, last) = (block, block.saturating_add(damage.blocks).saturating_sub(1));
    let what = match damage.structure.as_str() {
        "lost blocks" if first == last => format!("a map node that led to block {block}, noticed {time}"),
        "lost blocks" => format!("a map node that led to blocks {first} to {last}, noticed {time}"),
        _ => format!("block {block} (byte {}) {}", block.saturating_mul(4096), since(damage)),
    };
    let concerns = if damage.current {
        "the live disk"
    } else {
        "the past only"
    };
    let mut text = format!("  {place}: {what}; concerns {concerns}\n");
    if damage.is_first {
        text += "    it had never been written before: there is no older version\n";
    } else if let Some(intact) = &damage.newest_intact {
        let which = if first == last { "" } else { "the first is " };
        text += &format!(
            "    {which}intact as of {}: export `{volume}@#{}`\n",
            moment(intact),
            intact.sequence
        );
    } else {
        text += "    no older version of it is intact within the history kept\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use volume::Timestamp;

    use super::*;
    use crate::control::{MomentReport, Time};

    #[test]
    fn a_moved_block_is_told_with_the_time_at_which_it_was_written_if_that_is_known() {
        let at = |second| Time(Timestamp::from_unix_seconds(second));
        let damage = |written, moved| DamageReport {
            structure: "block".to_owned(),
            block: Some(3),
            blocks: 1,
            segment: 1,
            offset: 16,
            written: at(written),
            moved,
            current: true,
            newest_intact: None,
            is_first: false,
        };
        let (early, late) = (local_short(at(1_800_000_000).0), local_short(at(1_800_090_000).0));
        for (damage, expected) in [
            (damage(1_800_000_000, None), format!(" written {early}; ")),
            (
                damage(1_800_000_000, Some(at(1_800_090_000))),
                format!(" written {early}, moved {late}; "),
            ),
            (
                damage(1_800_090_000, Some(at(1_800_090_000))),
                format!(" written some time before it was moved {late}; "),
            ),
        ] {
            let text = damaged("disk", &damage);
            assert!(text.contains(&expected), "{text}");
        }
    }

    #[test]
    fn a_segment_that_changed_without_a_fault_is_taken_for_tampering() {
        let report = |changed_segments| VerifyReport {
            volume: "disk".to_owned(),
            segments: 3,
            payloads: 9,
            bytes: 4096,
            chain_intact: false,
            chain_head: String::new(),
            changed_segments,
            unchained_segments: 0,
            damage: Vec::new(),
        };
        let text = verified(&report(vec![1, 2]));
        assert!(
            text.contains("broken in segments 1, 2: changed since sealed, though every checksum in it is right"),
            "{text}"
        );
        assert!(text.contains("take it for tampering"), "{text}");
        let text = verified(&report(Vec::new()));
        assert!(text.contains("a link of it is missing or damaged"), "{text}");
        assert!(!text.contains("tampering"), "{text}");
    }

    #[test]
    fn a_restore_says_how_to_undo_it_and_whom_it_concerns() {
        let at = |sequence| MomentReport {
            time: Time(Timestamp::ZERO),
            sequence,
        };
        let report = RestoreReport {
            volume: "disk".to_owned(),
            undone: false,
            from: at(0),
            to: at(0),
            clients_refused: 2,
            after: None,
        };
        assert_eq!(
            restored(&report),
            "restored: `disk` is as of the empty disk (#0) again\n\
             before this it was as of the empty disk (#0); nothing in between is lost\n\
             2 connected clients are refused writes until reconnected: restart the machine, or detach and attach \
             the disk\n\
             to undo this: holdfast restore disk --undo\n"
        );
    }
}
