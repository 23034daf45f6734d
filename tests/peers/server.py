"""A client of `actwright serve` for the checks of this folder: plain JSON-RPC on pipes, nothing that could hide a mistake."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

RUN = "actwright/run"


class Serve:
    """One running server over a base directory."""

    def __init__(self, program: str, base: Path, environment: dict[str, str] | None = None) -> None:
        # Nobody reads its log while it runs, so it goes into a file and not into a pipe.
        self.log = base / "stderr.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [program, "serve", "--base", str(base)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
            )
        self.notices: list[dict[str, Any]] = []
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._number = 0
        threading.Thread(target=self._read, daemon=True).start()
        about = {"name": "peers", "version": "1"}
        self.ask("initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=about)
        self.tell("notifications/initialized")

    def _read(self) -> None:
        for line in self.process.stdout or ():
            message = json.loads(line)
            if "id" in message:
                self._answers.put(message)
            else:
                self.notices.append(message)

    def tell(self, method: str, /, **params: Any) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def begin(self, method: str, /, **params: Any) -> int:
        self._number += 1
        self._send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        return self._number

    def end(self, number: int, seconds: float = 90) -> dict[str, Any]:
        """The result with this number; an error is raised."""
        message = self._answers.get(timeout=seconds)
        assert message["id"] == number, message
        assert "result" in message, message
        return message["result"]

    def ask(self, method: str, /, **params: Any) -> dict[str, Any]:
        return self.end(self.begin(method, **params))

    def call(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        return self.ask("tools/call", name=name, arguments=arguments)

    def text(self, name: str, /, **arguments: Any) -> str:
        return "\n".join(block.get("text", "") for block in self.call(name, **arguments)["content"])

    def run(self, code: str) -> dict[str, Any]:
        """The report of a cell."""
        result = self.call("run_code", code=code)
        report = result["_meta"][RUN]
        report["blocks"] = result["content"]
        return report

    def value(self, code: str) -> Any:
        """The value of a cell's last expression, which JSON must be able to say."""
        report = self.run(code)
        assert report["status"] == "ok", f"{code}\n{report.get('error')}\n{report['blocks']}"
        return report.get("result_json", report.get("result"))

    def shown(self, code: str) -> str:
        """The `repr` of a cell's last expression."""
        report = self.run(code)
        assert report["status"] == "ok", f"{code}\n{report.get('error')}\n{report['blocks']}"
        return report.get("result", "")

    def raised(self, code: str) -> tuple[str, str]:
        """The type and message of a cell's error."""
        report = self.run(code)
        assert report["status"] == "raised", f"{code}\n{report['blocks']}"
        return report["error"]["type"], report["error"]["message"]

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def close(self) -> None:
        """Leaves, and checks that the server does so too."""
        assert self.process.stdin
        self.process.stdin.close()
        assert self.process.wait(30) == 0, self.log.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def below(pid: int) -> set[int]:
    """Every process that descends from this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(text.rpartition(")")[2].split()[1])
    found = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found - {pid}
        found |= more


def await_gone(pids: set[int], seconds: float = 15) -> None:
    """Waits until none of these processes is left."""
    end = time.monotonic() + seconds
    while left := {pid for pid in pids if _runs(pid)}:
        assert time.monotonic() < end, f"still there: {[_name(pid) for pid in left]}"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return str(pid)
