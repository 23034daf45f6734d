heap = bytearray(200 << 20)
heap[::4096] = b"x" * len(heap[::4096])
