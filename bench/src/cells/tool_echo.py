import time

echo = tools.host.echo
_start = time.perf_counter()
for number in range(20_000):
    assert echo(number) == number
20_000 / (time.perf_counter() - _start)
