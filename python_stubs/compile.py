"""Run by the host to compile the Python side once, for every later start: sources on stdin, code on stdout.

What it writes begins with the number that says which interpreters can read the rest.
"""

import marshal
import sys
from importlib.util import MAGIC_NUMBER


def _compiled(sources):
    return {
        name: compile(source, f"<{name.replace('.', '/')}.py>", "exec", dont_inherit=True)
        for name, source in sources.items()
    }


sys.stdout.buffer.write(MAGIC_NUMBER + marshal.dumps(_compiled(marshal.loads(sys.stdin.buffer.read()))))
