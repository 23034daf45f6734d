"""What the sandboxed interpreter runs first: load the worker, import the kernel once, serve sessions as forks.

Run with `-c` and three descriptor numbers, the worker extension, the control socket and a pipe with the modules, then where
packages are, whether code may add some, and what to import of them in advance. After the fork the session
goes on here, so this module must hold nothing that a session should not see.
"""

import sys


def _boot() -> None:
    import builtins
    import gc
    import importlib.machinery
    import importlib.util
    import marshal
    import os

    extension, control, modules = (int(number) for number in sys.argv[1:4])
    packages, policy, order = sys.argv[4:7]
    del sys.argv[1:]
    path = f"/proc/self/fd/{extension}"
    loader = importlib.machinery.ExtensionFileLoader("actwright_worker", path)
    spec = importlib.util.spec_from_file_location("actwright_worker", path, loader=loader)
    assert spec is not None
    native = importlib.util.module_from_spec(spec)
    loader.exec_module(native)
    os.close(extension)
    sys.modules["_actwright"] = native

    with open(modules, "rb") as stream:
        sources = marshal.loads(stream.read(int.from_bytes(stream.read(4), "little")))
        # What comes next was compiled in the host, by this interpreter or by one that has changed since.
        magic = importlib.util.MAGIC_NUMBER
        compiled = marshal.loads(stream.read()) if stream.read(len(magic)) == magic else {}
    # A copy, so that code which deletes or replaces builtins breaks itself and not the kernel.
    own_builtins = dict(vars(builtins))

    class Importer:
        """Finds the embedded modules; everything else is left to the finders behind it."""

        @staticmethod
        def find_spec(name, path=None, target=None):
            if name not in sources:
                return None
            return importlib.machinery.ModuleSpec(name, Importer, is_package=name == "actwright")

        @staticmethod
        def create_module(spec):
            return None

        @staticmethod
        def exec_module(module):
            name = module.__name__
            code = compiled.pop(name, None)
            if code is None:
                shown = f"<{name.replace('.', '/')}.py>"
                code = compile(sources[name], shown, "exec", dont_inherit=True)
            module.__dict__["__builtins__"] = own_builtins
            exec(code, module.__dict__)

    sys.meta_path.insert(0, Importer)
    kernel = importlib.import_module("actwright.kernel")
    kernel.shelf.place(packages, policy)

    def warm_up():
        taken = kernel.preload(order)
        gc.collect()
        gc.freeze()
        return taken

    # What is frozen is never written to by the collector, so forks go on sharing its memory.
    gc.collect()
    gc.freeze()
    channel = native.run_zygote(control, warm_up)
    if channel is not None:
        os._exit(kernel.serve(channel))
    os._exit(0)


_boot()
