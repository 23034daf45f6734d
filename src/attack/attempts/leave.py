"""What Python could leave behind for code that comes later, in another session or in the same after a reset.

Each pair is a function that plants and one that looks. Looking in the session that planted is the control.
"""

import builtins
import contextlib
import ctypes
import gc
import os
import sys
import tempfile
import types

from attack import Refused, libc, target


def _found(condition, what):
    if not condition:
        raise Refused("not there")
    return what


def plant_module():
    sys.modules[f"m{target.token}"] = types.ModuleType("planted")
    return "a module"


def find_module():
    return _found(f"m{target.token}" in sys.modules, "the module")


def plant_builtin():
    setattr(builtins, f"b{target.token}", 1)
    return "a builtin"


def find_builtin():
    return _found(hasattr(builtins, f"b{target.token}"), "the builtin")


def plant_native_module():
    """In place of the module that talks to the host."""
    sys.modules["_actwright"] = types.ModuleType(f"n{target.token}")
    return "another native module"


def find_native_module():
    return _found(sys.modules["_actwright"].__name__ == f"n{target.token}", "the other native module")


def plant_finder():
    class Finder:
        token = target.token

        @staticmethod
        def find_spec(name, path=None, wanted=None):
            return None

    sys.meta_path.insert(0, Finder)
    return "a finder of modules"


def find_finder():
    planted = any(getattr(finder, "token", "") == target.token for finder in sys.meta_path)
    return _found(planted, "the finder")


def plant_environment():
    os.environ[f"E{target.token}"] = "1"
    return "a variable of the environment"


def find_environment():
    return _found(f"E{target.token}" in os.environ, "the variable")


def plant_memory():
    """In an object of the warm interpreter: its pages are shared by all sessions until one writes."""
    ctypes.memset(id(sys.copyright) + sys.getsizeof("") - 1, ord("X"), 1)
    return "a letter"


def find_memory():
    return _found(sys.copyright.startswith("X"), "the letter")


def plant_secret():
    globals()["secret"] = [f"secret of {target.token}"]
    return "a variable"


def find_secret():
    """In everything that the collector knows."""
    wanted = f"secret of {target.token}"
    lists = (each for each in gc.get_objects() if isinstance(each, list) and len(each) == 1)
    return _found(any(isinstance(each[0], str) and each[0] == wanted for each in lists), "the variable")


def _startup_directory():
    """The user's own packages; only in the session's home, whatever the interpreter remembers of another."""
    home = os.path.realpath(os.environ["HOME"])
    if home != os.path.realpath(os.getcwd()):
        raise Refused("no home of its own")
    return os.path.join(home, f".local/lib/python3.{sys.version_info[1]}/site-packages")


def _startup_files():
    directory = _startup_directory()
    return [os.path.join(directory, name) for name in ("usercustomize.py", "sitecustomize.py", "planted.pth")]


def plant_startup():
    """Where an interpreter looks when it starts, in the session's own home."""
    os.makedirs(_startup_directory(), exist_ok=True)
    for name in _startup_files():
        with open(name, "w", encoding="utf-8") as made:
            made.write(f"import os; os.environ['P{target.token}'] = '1'\n")
    return "three files"


def find_startup():
    there = any(os.path.exists(name) for name in _startup_files())
    return _found(there or f"P{target.token}" in os.environ, "the files")


def plant_workspace():
    with open("left.txt", "w", encoding="utf-8") as made:
        made.write(target.token)
    return os.path.abspath("left.txt")


def _read_left(path):
    with open(path, encoding="utf-8") as left:
        return _found(target.token in left.read(), "the file")


def find_workspace():
    with contextlib.suppress(FileNotFoundError):
        return _read_left("left.txt")
    # Its own path is told by the runner; in the control it is the same file.
    return _read_left(target.victim["told"])


def plant_temporary():
    path = os.path.join(tempfile.gettempdir(), f"left-{target.token}")
    with open(path, "w", encoding="utf-8") as made:
        made.write(target.token)
    return path


def find_temporary():
    told = target.victim["told"] if target.victim else None
    return _read_left(told or os.path.join(tempfile.gettempdir(), f"left-{target.token}"))


def plant_shared_file():
    with open(f"/dev/shm/left-{target.token}", "w", encoding="utf-8") as made:
        made.write(target.token)
    return made.name


def find_shared_file():
    try:
        return _read_left(f"/dev/shm/left-{target.token}")
    finally:
        with contextlib.suppress(OSError):
            os.unlink(f"/dev/shm/left-{target.token}")


KEY = int(target.token[7:14] or "1", 16)


def plant_segment():
    if libc.shmget(KEY, 4096, 0o1666) == -1:
        raise OSError(ctypes.get_errno(), "shmget")
    return "a segment of shared memory"


def find_segment():
    segment = libc.shmget(KEY, 0, 0)
    if segment == -1:
        raise OSError(ctypes.get_errno(), "shmget")
    libc.shmctl(segment, 0, None)
    return "the segment"


def _queue_name():
    return ctypes.c_char_p(f"/left-{target.token}".encode())


def plant_queue():
    attributes = (ctypes.c_long * 8)(0, 1, 64, 0)
    queue = libc.mq_open(_queue_name(), os.O_CREAT | os.O_RDWR, 0o600, attributes)
    if queue == -1:
        raise OSError(ctypes.get_errno(), "mq_open")
    return "a message queue"


def find_queue():
    queue = libc.mq_open(_queue_name(), os.O_RDWR)
    if queue == -1:
        raise OSError(ctypes.get_errno(), "mq_open")
    libc.mq_unlink(_queue_name())
    return "the message queue"


def hunt_for_host_paths():
    """The server's directories have no business in a session's memory; only the suite's own words do."""
    hunted = str(target.base)
    strings = (each for each in _strings() if hunted in each and target.token not in each and each != hunted)
    return _found(any(True for _ in strings), "the path of the base directory")


def hunt_for_own_path():
    """The control: a path that is in memory is found."""
    place = [os.path.join(os.getcwd(), "hunted")]
    return _found(any("hunted" in each for each in _strings()), place[0])


def _strings():
    for each in gc.get_objects():
        if isinstance(each, dict):
            yield from (value for value in list(each.values()) if isinstance(value, str))
        elif isinstance(each, (list, tuple)):
            yield from (value for value in each if isinstance(value, str))


EXPECTED = {"pipe", "socket", "/dev/null"}


def hunt_for_descriptors():
    """Nothing may be open but the streams, the cell's pipes and the socket."""
    strange = []
    for name in os.listdir("/proc/self/fd"):
        try:
            place = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if place.split(":")[0] not in EXPECTED and not place.startswith("/proc/"):
            strange.append(place)
    return _found(strange, ", ".join(strange))


def find_a_descriptor():
    with open("opened", "wb"):
        return hunt_for_descriptors()
