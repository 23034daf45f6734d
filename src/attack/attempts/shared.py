"""Attempts on what sessions share: the packages that all of them import, and the artifacts that outlive them."""

import builtins
import json
import os
import subprocess
import sys
import zipfile

from attack import Absent, Refused, expect_token, read, target

artifacts, deps = builtins.artifacts, builtins.deps


def _package():
    """The file of the package that the runner has put into the set; read first, so that there is something to push against."""
    try:
        import actwright_canary
    except ImportError:
        raise Refused("not there") from None
    path = actwright_canary.__file__
    read(path)
    return path


def _set():
    return os.path.dirname(_package())


def write_package():
    with open(_package(), "a", encoding="utf-8") as opened:
        opened.write("# " + target.arm)
    return "appended to a package"


def write_package_by_proc():
    descriptor = os.open(_package(), os.O_RDONLY)
    os.close(os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_APPEND))
    return "opened a package to write"


def write_package_by_hard_link():
    os.link(_package(), os.path.join(os.getcwd(), "mine"))
    with open("mine", "a", encoding="utf-8") as opened:
        opened.write("# " + target.arm)
    return "appended to a package"


def add_module():
    with open(os.path.join(_set(), "actwright_added.py"), "x", encoding="utf-8") as opened:
        opened.write("# " + target.arm)
    return "added a module"


def add_startup_file():
    with open(os.path.join(_set(), "sitecustomize.py"), "x", encoding="utf-8") as opened:
        opened.write("# " + target.arm)
    return "added a file that starts with Python"


def exchange_package():
    path = _package()
    os.rename(path, path + ".old")
    os.rename(path + ".old", path)
    return "moved a package"


def remove_package():
    path = os.path.join(_set(), "removable.txt")
    os.unlink(path)
    return "removed a file"


def change_mode_of_package():
    os.chmod(_package(), 0o666)
    return "changed a mode"


def turn_link():
    """The link that says which packages sessions import."""
    link = os.path.join(os.path.dirname(_set()), f"now-{sys.version_info[0]}.{sys.version_info[1]}")
    leads_to = os.readlink(link)
    os.symlink(leads_to, link + ".new")
    os.replace(link + ".new", link)
    return f"turned the link to {leads_to}"


def install_over_packages():
    """What pip makes of a wheel of the session's own."""
    name = "actwright_pushed-1.0"
    with zipfile.ZipFile(name + "-py3-none-any.whl", "w") as wheel:
        wheel.writestr("actwright_pushed.py", "")
        wheel.writestr(name + ".dist-info/METADATA", "Metadata-Version: 2.1\nName: actwright_pushed\nVersion: 1.0\n")
        wheel.writestr(name + ".dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(name + ".dist-info/RECORD", "")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "--target", _set(), name + "-py3-none-any.whl"], capture_output=True, check=False)
    if done.returncode == 0:
        return "pip installed a package"
    if b"No module named pip" in done.stderr and not target.inside:
        raise Absent("there is no pip")
    for words, refusal in ((b"Read-only file system", "EROFS"), (b"Permission denied", "EACCES"), (b"No module named pip", "no pip")):
        if words in done.stderr:
            raise Refused(refusal)
    raise Refused(done.stderr.decode("utf-8", "replace")[-150:])


def add_package_by_call():
    return deps.add("actwright-canary")


def add_package_in_anothers_name():
    """The host's call itself, with what no caller may say."""
    word, said = deps._channel.call("deps.add", (), {"packages": ["actwright-canary"], "asker": "person", "policy": "allow"})
    if word != "ok":
        raise Refused(said["kind"])
    return said


def list_packages():
    return f"{len(deps.list())} packages"


def _follow_links():
    os.O_NOFOLLOW = 0


def save_file_by_link():
    _follow_links()
    os.symlink(target.file, "link")
    artifacts.save_file("link", "attack/link")
    return expect_token(artifacts.load("attack/link"))


def save_file_by_link_to_directory():
    _follow_links()
    os.symlink(target.directory, "directory")
    artifacts.save_file("directory/canary.txt", "attack/directory")
    return expect_token(artifacts.load("attack/directory"))


def save_file_of_host():
    artifacts.save_file(target.file, "attack/file")
    return expect_token(artifacts.load("attack/file"))


def to_file_by_link():
    _follow_links()
    os.symlink(os.path.join(target.directory, "open", target.arm), "out")
    artifacts.save("attack/out", b"")
    artifacts.to_file("attack/out", "out")
    return "made a file"


def save_under_a_path():
    artifacts._host.ask("save", name="../../" + target.arm, data=b"x", form="bytes", media_type="")
    return "saved under a path"


def save_under_a_long_way_round():
    artifacts._host.ask("save", name="a/" * 200 + target.arm, data=b"x", form="bytes", media_type="")
    return "saved under a path"


def save_one():
    return artifacts.save("attack/plain", b"x")["version"]


def say_more_than_a_piece_holds():
    artifacts._host.ask("save", name="attack/large", data=b"x" * (5 << 20), form="bytes", media_type="")
    return "said 5 MB at once"


def load_a_pickle():
    """A form that would have to be unpickled; nobody may."""
    artifacts._host.ask("save", name="attack/pickle", data=b"cos\nsystem\n(S'true'\ntR.", form="pickle", media_type="")
    artifacts.load("attack/pickle")
    return "unpickled"


def read_store():
    artifacts.save("attack/store", b"x")
    return f"{len(read(os.path.join(target.own_base, 'store.db')))} bytes of the store"


def list_contents():
    artifacts.save("attack/contents", b"x")
    return f"{len(os.listdir(os.path.join(target.own_base, 'artifacts', 'blobs')))} directories"


def begin_save():
    number = artifacts._host.ask("begin")
    artifacts._host.ask("append", id=number, data=b"of another session")
    return json.dumps({"number": number})


def go_on_with_anothers_save():
    failure = None
    for number in range(1, target.victim["told"]["number"] + 1):
        for call, more in (("append", {"data": b"x"}), ("finish", {"name": "attack/stolen", "form": "bytes", "media_type": ""})):
            try:
                artifacts._host.ask(call, id=number, **more)
            except Exception as error:
                failure = error
            else:
                return f"{call} of a save of another session"
    raise Refused(getattr(failure, "kind", "nothing to try"))


def go_on_with_own_save():
    number = artifacts._host.ask("begin")
    artifacts._host.ask("append", id=number, data=b"x")
    artifacts._host.ask("abandon", id=number)
    return "appended to its own save"
