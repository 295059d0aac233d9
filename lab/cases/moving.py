"""Work that leaves the same blocks behind as copying ransomware does, where content can't be seen: read, written elsewhere, the original gone."""

from case import case
from programs import work

DEPARTMENTS = ["Finance", "Sales", "Legal", "Personnel", "Support", "Management", "Engineering", "Marketing"]


def move_by_rsync(scratch, rng, deadline, *options):
    """File by file, as administrators clear a share: each original goes once its copy is complete."""
    for department in rng.sample(DEPARTMENTS, len(DEPARTMENTS)):
        target = f"Shared/Archive/{department}/"
        (scratch.root / target).mkdir(parents=True, exist_ok=True)
        command = ["rsync", "-a", "--remove-source-files", *options, f"{department}/", target]
        if deadline.is_over() or not work(scratch, deadline, *command, accept=(0, 11, 23, 24)):
            return


@case("folders-moved-by-rsync", "ordinary")
def move(scratch, rng, deadline):
    move_by_rsync(scratch, rng, deadline)


@case("folders-moved-by-rsync-fsync", "ordinary")
def move_durably(scratch, rng, deadline):
    move_by_rsync(scratch, rng, deadline, "--fsync")
