# Negative, because the best of several runs is the largest number.
import asyncio
import time

_start = time.perf_counter()
await asyncio.gather(*(CALL for _ in range(2_000)))
(_start - time.perf_counter()) * 1e3
