try:
    answer = open(host_file).read()
except OSError as refusal:
    answer = f"refused: {refusal!r}"
answer
