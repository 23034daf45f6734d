import os
import time

PIECE = 1 << 20


def laps(times, act):
    taken = []
    for n in range(times):
        start = time.perf_counter()
        act(n)
        taken.append((time.perf_counter() - start) * 1e3)
    return taken


def lap(size, times):
    """Milliseconds of each save and load of so many bytes; no two are the same."""
    values = [os.urandom(16) + bytes(size - 16) for _ in range(times)]
    saved = laps(times, lambda n: artifacts.save(f"lap/{size}/{n}", values[n]))
    loaded = laps(times, lambda n: artifacts.load(f"lap/{size}/{n}"))
    assert artifacts.load(f"lap/{size}/0") == values[0]
    return saved, loaded


def write(pieces):
    """Saves so many megabytes piece by piece; gives seconds."""
    start = time.perf_counter()
    head = os.urandom(16)
    with artifacts.open("stream", "wb") as file:
        for n in range(pieces):
            file.write(head + n.to_bytes(8, "little") + bytes(PIECE - 24))
    return time.perf_counter() - start


def read(pieces):
    start = time.perf_counter()
    seen = 0
    with artifacts.open("stream", "rb") as file:
        while True:
            piece = file.read(PIECE)
            if not piece:
                break
            seen += len(piece)
    assert seen == pieces * PIECE, seen
    return time.perf_counter() - start


def fill(count):
    for n in range(count):
        artifacts.save(f"many/{n % 100}/{n}", "the same content")


def listed(count):
    start = time.perf_counter()
    assert len(artifacts.list("many/")) == count
    return (time.perf_counter() - start) * 1e3
