line = "x" * 99
for _ in range(LINES):
    print(line)
