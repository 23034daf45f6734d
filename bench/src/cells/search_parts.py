import random
import sqlite3
import statistics
import time


def median(act, times=20):
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        taken.append((time.perf_counter() - start) * 1e3)
    return statistics.median(taken)


verbs = "count merge parse split sort filter convert compare fetch group clean rename validate summarise plot encode".split()
things = "invoices lines rows tables images addresses dates orders headers tokens events files".split()
ways = "month level duplicates pass key spreadsheet JSON page limit large text parallel time similarity".split()
chance = random.Random(1)
db = sqlite3.connect(":memory:")
db.execute("create virtual table skills using fts5 (about)")
texts = (" ".join(chance.choice(words) for words in (verbs, things, ways)) + f" variant {at}" for at in range(SIZE))
db.executemany("insert into skills values (?)", ((text,) for text in texts))
query = "select rowid from skills where skills match 'count OR invoices OR month' order by rank limit 100"
parts = [f"FTS5 alone: {median(lambda: db.execute(query).fetchall()):.1f} ms"]
try:
    import numpy
except ImportError:
    parts.append("no NumPy here")
else:
    rows = numpy.random.default_rng(1).standard_normal((SIZE, 384), dtype=numpy.float32)
    one = rows[0].copy()
    parts.append(f"a scan by NumPy: {median(lambda: numpy.argpartition(rows @ one, -100)[-100:]):.1f} ms")
print("; ".join(parts))
