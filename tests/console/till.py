#!/usr/bin/python3
"""A till: notes a sale every now and then in an SQLite database, each durable before the next. Ends with an error when its database is gone or the disk no longer takes it.

usage: till.py DATABASE
"""

import random
import sqlite3
import sys
import time

SECONDS_BETWEEN_SALES = 0.1


def main():
    database = sqlite3.connect(sys.argv[1])
    database.execute("pragma synchronous = full")
    database.execute("create table if not exists sale (number integer primary key, article text, pence integer)")
    while True:
        with database:
            article = f"article {random.randrange(1000)}"
            database.execute("insert into sale (article, pence) values (?, ?)", (article, random.randrange(100, 9000)))
        time.sleep(SECONDS_BETWEEN_SALES)


if __name__ == "__main__":
    main()
