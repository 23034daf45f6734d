"""The C half of module `signal`, as far as the kernel uses it."""

from types import FrameType
from typing import Callable, Optional

def signal(number: int, handler: Callable[[int, Optional[FrameType]], object], /) -> object: ...
def default_int_handler(number: int, frame: Optional[FrameType], /) -> object: ...
