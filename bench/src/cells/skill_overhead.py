import time

def plain(x):
    return x + 1

def lap(function, times):
    start = time.perf_counter()
    for n in range(times):
        function(x=n)
    return (time.perf_counter() - start) / times * 1e6

skills.bench_add(x=1)
[round(lap(skills.bench_add, TIMES), 3), round(lap(plain, 20 * TIMES), 3)]
