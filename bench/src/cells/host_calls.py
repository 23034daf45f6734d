import time

_start = time.perf_counter()
for _number in range(20_000):
    progress(_number, 20_000)
20_000 / (time.perf_counter() - _start)
