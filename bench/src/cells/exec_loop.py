"""Reference: the median of exec("1+1") in a plain interpreter, in milliseconds."""

import time

times = []
for _ in range(5000):
    start = time.perf_counter()
    exec("1+1")
    times.append(time.perf_counter() - start)
print(sorted(times)[len(times) // 2] * 1e3)
