"""Full-text search and a scan of vectors over the texts of a store, in SQLite and NumPy alone."""

import json
import re
import sqlite3
import statistics
import sys
import time

given = json.loads(sys.argv[1])
store = sqlite3.connect(f"file:{given['store']}?mode=ro", uri=True)
texts = store.execute(
    "select s.name, v.description, v.source from skills s join skill_versions v on v.skill = s.id and v.version = s.head"
).fetchall()


def median(act):
    taken = []
    for query in given["queries"]:
        start = time.perf_counter()
        act(query)
        taken.append((time.perf_counter() - start) * 1e3)
    return statistics.median(taken)


db = sqlite3.connect(":memory:")
db.execute("create virtual table skills using fts5 (name, description, source)")
db.executemany("insert into skills values (?, ?, ?)", texts)


def words(query):
    wanted = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", query))
    return db.execute("select rowid from skills where skills match ? order by rank limit 100", (wanted,)).fetchall()


parts = [f"FTS5 alone: {median(words):.1f} ms"]
try:
    import numpy
except ImportError:
    parts.append("no NumPy here")
else:
    rows = numpy.random.default_rng(1).standard_normal((len(texts), 384), dtype=numpy.float32)
    one = rows[0].copy()
    parts.append(f"a scan by NumPy: {median(lambda _: numpy.argpartition(rows @ one, -100)[-100:]):.1f} ms")
print("; ".join(parts))
