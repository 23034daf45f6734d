"""The worker extension (crates/worker) as the Python side sees it; installed as module `_actwright`."""

from collections.abc import Sequence
from typing import Optional, TypedDict, Union

class ValueOut(TypedDict):
    repr: str
    type: str
    json: Optional[str]

class ErrorOut(TypedDict):
    type: str
    message: str
    line: Optional[int]
    source: Optional[str]
    traceback: str
    hints: list[str]
    exit_code: Optional[int]

class UndefinedOut(TypedDict):
    name: str
    line: int
    arguments: list[str]
    types: list[str]

class _Ended(TypedDict):
    value: Optional[ValueOut]
    error: Optional[ErrorOut]
    plan: Optional[list[UndefinedOut]]

class Outcome(_Ended, total=False):
    imports: list[str]

class Channel:
    """The session's one connection to the host. Thread-safe."""

    def next_run(self) -> Optional[tuple[int, str, bool]]:
        """Waits for the next cell: its number, its source, and whether to plan it only; None at the end.

        When it returns, file descriptors 1 and 2 are this cell's own pipes. Signals that arrive while waiting
        run their Python handlers and the wait goes on.
        """
    def lend(self) -> None:
        """Lets the session's own work go beyond the limit on memory that code has, until the next cell begins."""
    def emit(self, cell: int, stream: int, content: Union[str, bytes]) -> Union[str, bytes]:
        """Writes text (as UTF-8, lone surrogates as escapes) or bytes of a cell to file descriptor 1 or 2, keeping
        the order between the two as the host reads them; cell 0 is whichever runs.

        Gives back what was not written because the cell's turn is over, empty if all was. Blocks with the GIL
        released; a signal's handler may raise out of it.
        """
    def done(self, cell: int, outcome: Outcome) -> None:
        """Ends the cell's turn. Text in `outcome` may hold lone surrogates; they travel as escapes."""
    def display(self, cell: int, forms: Sequence[tuple[str, bytes]]) -> None:
        """Shows one rich object: (media type, content) pairs, best first."""
    def late(self, cell: int, stream: int, text: str) -> None:
        """Hands over text that belongs to a cell that has ended (stream 1 or 2)."""
    def call(self, name: str, args: Sequence[object], kwargs: dict[str, object]) -> object:
        """Calls the host and waits; raises HostCallError. Other threads may call meanwhile."""
    def begin(self, name: str, args: Sequence[object], kwargs: dict[str, object], wake: int) -> int:
        """Calls the host and does not wait; a byte is written to `wake` when somebody else has read the answer."""
    def collect(self, calls: Sequence[int]) -> list[tuple[int, object, Optional[Exception]]]:
        """The answers of these calls that have come: number, value, error. Never waits."""
    def abandon(self, call: int) -> None:
        """Nobody waits for this call's answer any more."""
    def fileno(self) -> int:
        """The descriptor that becomes readable when the host has sent something."""
    def park(self, cell: int) -> bool:
        """Between two cells: parks a frozen copy of this process. False in the process that runs on; True in the copy
        when it is woken to go on in its place."""
    def is_new_twin(self) -> bool:
        """Whether this process has just been woken as one of several twins; said once."""
    def disown(self) -> None:
        """In a forked child: this process never speaks for the session again; every method then raises."""

class HostCallError(Exception):
    """The host answered a call with an error: args are (kind, message)."""
