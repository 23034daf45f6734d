"""A command for tests: what it was given, as JSON on stdout; some of its arguments make it misbehave."""

import json
import os
import sys
import time

arguments = sys.argv[1:]
if "--exit" in arguments:
    print("half an answer")
    print("it went wrong", file=sys.stderr)
    sys.exit(int(arguments[arguments.index("--exit") + 1]))
if "--big" in arguments:
    piece = b"0123456789abcdef" * 4096
    try:
        for _ in range(int(arguments[arguments.index("--big") + 1]) * 16):
            os.write(1, piece)
    except BrokenPipeError:
        # A program that does not mind and goes on.
        time.sleep(60)
elif "--tell" in arguments:
    name = arguments[arguments.index("--tell") + 1]
    print(os.environ.get(name, ""))
    print("stderr has", os.environ.get(name, ""), file=sys.stderr)
    sys.exit(9 if "--bad" in arguments else 0)
elif "--where" in arguments:
    print(os.getcwd())
elif "--read" in arguments:
    sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])
else:
    print(json.dumps(arguments))
