import time

times = []
for _ in range(TIMES):
    _start = time.perf_counter()
    CALL
    times.append(time.perf_counter() - _start)
sorted(times)[len(times) // 2] * 1e3
