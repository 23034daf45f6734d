"""Notebook habits (`%pip`, `!ls`, `obj?`) recognised in text that Python could not parse."""

from __future__ import annotations

import re
import shlex

from actwright.shelf import policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

_ASSIGNED = re.compile(r"^\s*[\w.,\s]+=\s*([!%].*)$")
_HELP = re.compile(r"^\s*(?:\?{1,2}\s*([\w.]+)|([\w.]+)\s*\?{1,2})\s*$")
_SHELL = re.compile(r"[|&;<>$`*?~(){}\\\"']")

_MAGICS = {
    "matplotlib": "Leave `%matplotlib` out: figures are shown without it.",
    "time": "Instead of `%time` measure with time.perf_counter() before and after.",
    "timeit": "Instead of `%timeit` call timeit.timeit(lambda: ..., number=1000).",
    "cd": "Instead of `%cd` call os.chdir(...).",
    "pwd": "Instead of `%pwd` call os.getcwd().",
    "ls": "Instead of `%ls` call os.listdir('.').",
    "env": "Instead of `%env` use os.environ.",
    "set_env": "Instead of `%set_env` use os.environ[...] = ...",
    "run": "Instead of `%run` call runpy.run_path('file.py').",
    "who": "Instead of `%who` call dir().",
    "whos": "Instead of `%whos` call dir().",
    "reset": "Instead of `%reset` delete the names or start a new session.",
    "load_ext": "Leave `%load_ext` out: there are no notebook extensions here; import the package itself.",
    "autoreload": "Instead of `%autoreload` call importlib.reload(module).",
    "writefile": "Instead of `%%writefile` call pathlib.Path('file').write_text(...).",
    "bash": "Instead of `%%bash` call subprocess.run(['bash', '-c', '...']).",
    "sh": "Instead of `%%sh` call subprocess.run(['sh', '-c', '...']).",
    "script": "Instead of `%%script` call subprocess.run([...]).",
    "capture": "Instead of `%%capture` use contextlib.redirect_stdout(io.StringIO()).",
    "debug": "Instead of `%debug` print what you want to see: there is no one to type debugger commands.",
    "pdb": "Instead of `%pdb` print what you want to see: there is no one to type debugger commands.",
    "html": "Instead of `%%html` call display() with an object that has _repr_html_.",
}


def habit(text: str, line: Optional[int]) -> Optional[str]:
    """What to write instead of the notebook syntax in this line, if it holds any."""
    lines = text.split("\n")
    shown = lines[line - 1] if line is not None and 0 < line <= len(lines) else ""
    for candidate in (shown, next((each for each in lines if each.strip()), "")):
        advice = _advice(candidate)
        if advice is not None:
            return advice
    return None


def _advice(line: str) -> Optional[str]:
    asked = _HELP.match(line)
    if asked:
        name = asked.group(1) or asked.group(2)
        return f"`{line.strip()}` is notebook syntax; write help({name}) instead."
    assigned = _ASSIGNED.match(line)
    command = (assigned.group(1) if assigned else line).strip()
    if command.startswith("!"):
        return _shell(command.lstrip("!").strip(), assigned is not None)
    if command.startswith("%"):
        return _magic(command.lstrip("%").strip())
    return None


def _magic(command: str) -> str:
    name, _, rest = command.partition(" ")
    if name in ("pip", "conda", "mamba", "uv"):
        return _install(f"%{name}", rest)
    known = _MAGICS.get(name)
    if known is not None:
        return known
    return f"`%{name}` is a notebook command and not Python; write plain Python instead."


def _shell(command: str, wants_output: bool) -> str:
    words = command.split()
    if words[:1] in (["pip"], ["pip3"], ["conda"], ["uv"]) or words[1:3] == ["-m", "pip"]:
        return _install("!" + words[0], " ".join(words[1:]))
    if words[:1] == ["cd"]:
        return "Instead of `!cd` call os.chdir(...)."
    if _SHELL.search(command):
        call = f"subprocess.run({command!r}, shell=True"
    else:
        try:
            call = f"subprocess.run({shlex.split(command)!r}"
        except ValueError:
            call = f"subprocess.run({command!r}, shell=True"
    end = ", capture_output=True, text=True).stdout" if wants_output else ")"
    return f"`!` is notebook syntax; write import subprocess; {call}{end} instead."


def _install(command: str, rest: str) -> str:
    names = [word for word in rest.split() if not word.startswith("-") and word not in ("install", "pip")]
    shown = ", ".join(f'"{name}"' for name in names)
    which = f" Write deps.add({shown}) instead." if names and policy() == "allow" else ""
    if names and not which:
        which = f" Leave the line out and import {', '.join(names)} to see whether it is installed."
    return f"`{command}` is a notebook command and does not work here.{which}"
