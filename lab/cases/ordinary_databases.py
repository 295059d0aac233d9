"""Ordinary work of databases: PostgreSQL and SQLite."""

import sqlite3

import programs
from case import case
from programs import MIB, place_postgres, running_postgres, sql, work

ROWS = "select g as id, md5(g::text) || md5((g * 7)::text) as text, random() as x from generate_series(1, 60000) g"
WIDE = f"create table if not exists wide as {ROWS}"


def with_postgres(name, **options):
    """Registers a case that runs while a PostgreSQL server works on the volume: `function(scratch, rng, deadline, sockets)`."""

    def register(function):
        @case(name, "ordinary", prepare=place_postgres, needs=("psql",), **options)
        def run(scratch, rng, deadline):
            with running_postgres(scratch) as sockets:
                function(scratch, rng, deadline, sockets)

        return function

    return register


def pgbench(scratch, deadline, sockets, *arguments):
    command = [programs.postgres("pgbench"), "-n", "-h", sockets, "-T", max(1, int(deadline.left())), *arguments, "bench"]
    return work(scratch, deadline, *command, user="postgres")


@with_postgres("postgres-pgbench", is_load=True)
def transactions(scratch, rng, deadline, sockets):
    pgbench(scratch, deadline, sockets, "-c", "4")


@with_postgres("postgres-pgbench-updates", seconds=9)
def updates(scratch, rng, deadline, sockets):
    """Many clients, simple updates, and a checkpoint now and then: pages are read and overwritten all over the tables."""
    sql(scratch, deadline, sockets, "checkpoint")
    pgbench(scratch, deadline, sockets, "-c", "16", "-N")
    programs.run_on_host("psql", "-q", "-h", sockets, "-d", "bench", "-c", "checkpoint", user="postgres")


@with_postgres("postgres-reads")
def reads(scratch, rng, deadline, sockets):
    pgbench(scratch, deadline, sockets, "-c", "4", "-S")


@with_postgres("postgres-vacuum-full", seconds=8)
def vacuum(scratch, rng, deadline, sockets):
    """Tables are rewritten as new files, the old ones deleted."""
    while not deadline.is_over():
        sql(scratch, deadline, sockets, "update pgbench_accounts set abalance = abalance + 1 where aid % 3 = 0")
        sql(scratch, deadline, sockets, "vacuum full pgbench_accounts", "checkpoint")


@with_postgres("postgres-reindex", seconds=8)
def reindex(scratch, rng, deadline, sockets):
    while not deadline.is_over():
        sql(
            scratch,
            deadline,
            sockets,
            "reindex table pgbench_accounts",
            "cluster pgbench_accounts using pgbench_accounts_pkey",
            "checkpoint",
        )


@with_postgres("postgres-bulk-load", seconds=8)
def bulk_load(scratch, rng, deadline, sockets):
    while not deadline.is_over() and scratch.free_bytes() > 40 * MIB:
        sql(
            scratch,
            deadline,
            sockets,
            WIDE,
            "insert into wide select id, reverse(text), random() from wide limit 60000",
            "create index on wide (text)",
        )
    sql(scratch, deadline, sockets, "drop table if exists wide", "checkpoint")


@with_postgres("postgres-dump-and-restore", seconds=9)
def dump_and_restore(scratch, rng, deadline, sockets):
    dump = scratch.root / "srv" / "bench.dump"
    dump.touch()
    dump.chmod(0o666)
    programs.run_on_host("chmod", "777", dump.parent)
    while not deadline.is_over():
        if not work(scratch, deadline, "pg_dump", "-h", sockets, "-Fc", "-f", dump, "bench", user="postgres"):
            break
        if not work(
            scratch, deadline, "pg_restore", "-h", sockets, "-d", "bench", "--clean", dump, user="postgres", accept=(0, 1)
        ):
            break


@case("sqlite-transactions", "ordinary", is_load=True)
def sqlite_transactions(scratch, rng, deadline):
    """Small transactions with a rollback journal, each synced, on databases that are already there."""
    names = [name for name, size in scratch.files() if name.endswith((".sqlite", ".db"))][:4]
    databases = [sqlite3.connect(scratch.root / name) for name in names]
    try:
        while databases and not deadline.is_over():
            database = rng.choice(databases)
            with database:
                for _ in range(rng.randint(1, 20)):
                    database.execute("update entry set amount = amount + 1 where id = ?", (rng.randrange(4000),))
                database.execute(
                    "insert into entry (day, name, amount, note) values ('2026-11-11', 'lab', 1.5, ?)",
                    ("note " * rng.randint(1, 50),),
                )
            deadline.rest(0.01)
    except sqlite3.Error:
        # A full or fenced volume, or a database that was damaged by an attack beside this.
        return
    finally:
        for database in databases:
            database.close()


@case("sqlite-vacuum", "ordinary")
def sqlite_vacuum(scratch, rng, deadline):
    """Each database is copied to a temporary file and back over itself."""
    for name in [name for name, size in scratch.files() if name.endswith((".sqlite", ".db"))] * 3:
        if deadline.is_over():
            break
        database = sqlite3.connect(scratch.root / name)
        try:
            database.execute(f"delete from entry where id % 5 = {rng.randrange(5)}")
            database.commit()
            database.execute("vacuum")
        except sqlite3.OperationalError:
            break
        finally:
            database.close()
