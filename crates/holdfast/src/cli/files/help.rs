//! Examples below the help of the commands about files.

pub(super) const LS: &str = "\
ext2, ext3, ext4, XFS, NTFS, FAT and exFAT are read, in partitions (GPT, MBR) and LVM volumes, without
mounting anything. A disk with several of them lists them when there is no path; a path then begins
with one.

Examples:
  holdfast files ls disk:/home                    now
  holdfast files ls -l disk@-2h:/home             two hours ago
  holdfast files ls disk:                         partitions and file systems
  holdfast files ls -r disk@before-update:/1/etc";

pub(super) const CAT: &str = "\
Examples:
  holdfast files cat disk@-2h:/etc/passwd
  holdfast files cat disk@'yesterday 18:00':/var/log/auth.log | less
  holdfast files cat disk:/disk.img --offset 1M --length 4K | xxd";

pub(super) const CP: &str = "\
Names, times, permissions, owners (for root), links, holes and attributes are kept. Nothing that is
there is replaced without --overwrite, and nothing is written outside the folder that is named,
whatever the names and links on the disk say. What couldn't be copied is listed at the end, with exit
code 1.

Examples:
  holdfast files cp disk@-2h:/home/anna/thesis.odt .
  holdfast files cp disk@-2h:/home/anna /srv/rescued
  holdfast files cp disk@before-attack:/ everything.tar
  holdfast files cp disk@-1d:/etc - | ssh host tar -x -C /restored";

pub(super) const FIND: &str = "\
Examples:
  holdfast files find disk:/home --name '*.docx' --name '*.xlsx' --newer -1h
  holdfast files find disk:/ --type file --size 1G --long
  holdfast files find disk:/ --block 1234567      whose block that is";

pub(super) const HISTORY: &str = "\
A version is shown when the file's blocks, its size or its times changed. Moments in between are
looked at until each change is known to the second, or enough were looked at.

Examples:
  holdfast files history disk:/home/anna/thesis.odt
  holdfast files history disk:/etc/passwd --since -7d --hash
  holdfast files cat disk@'#1234':/etc/passwd      a version by its number";

pub(super) const DIFF: &str = "\
Of texts the lines that differ are shown, of other files where they differ; of folders, what was
added, removed, renamed and changed.

Examples:
  holdfast files diff disk@-2h:/etc/passwd        since then
  holdfast files diff disk@-2h:/home disk@-1h:
  holdfast files diff disk@-1d:/srv copy:/srv     with another volume, such as a fork";
