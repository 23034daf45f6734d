"""Which cell a piece of running code belongs to: a context variable for tasks, a tag for threads.

Threads start with an empty context, so the tag that a thread got from its starter is put into the new
context before any of the thread's own code runs; work items carry the cell that submitted them.
"""

from __future__ import annotations

import sys
import threading
from contextvars import ContextVar
from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

# Zero is code of unknown origin, such as a raw thread: it counts for the cell that runs.
owner: ContextVar[int] = ContextVar("actwright_cell", default=0)

_TAG = "_actwright_cell"
_pools_tagged = False


def tag_threads(running: Callable[[], int]) -> None:
    """Makes every threading.Thread belong to the cell that started it."""
    start = threading.Thread.start
    bootstrap: Any = vars(threading.Thread)["_bootstrap_inner"]
    get, put = owner.get, owner.set

    @wraps(start)
    def tagged_start(self: threading.Thread) -> None:
        setattr(self, _TAG, get() or running())
        start(self)

    @wraps(bootstrap)
    def tagged_bootstrap(self: threading.Thread) -> None:
        put(getattr(self, _TAG, 0))
        bootstrap(self)

    threading.Thread.start = tagged_start  # type: ignore[method-assign]
    setattr(threading.Thread, "_bootstrap_inner", tagged_bootstrap)  # noqa: B010


def tag_pools() -> None:
    """Makes work items belong to the cell that submits them; does nothing until thread pools are imported."""
    global _pools_tagged
    module: Optional[Any] = sys.modules.get("concurrent.futures.thread")
    if _pools_tagged or module is None:
        return
    pool = getattr(module, "ThreadPoolExecutor", None)
    if pool is None:
        return
    submit = pool.submit
    get = owner.get

    @wraps(submit)
    def tagged_submit(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return submit(self, _work, get(), fn, *args, **kwargs)

    pool.submit = tagged_submit
    _pools_tagged = True


def _work(cell: int, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    token = owner.set(cell)
    try:
        return fn(*args, **kwargs)
    finally:
        owner.reset(token)
