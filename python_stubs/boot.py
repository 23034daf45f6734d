"""What the sandboxed interpreter runs first: load the worker, import the kernel once, serve sessions as forks.

Run with `-c` and two descriptor numbers, the worker extension and the control socket, then where packages are, whether
code may add some, and what to import of them in advance. After the fork the session
goes on here, so this module must hold nothing that a session should not see.
"""

import sys


def _boot() -> None:
    import builtins
    import gc
    import importlib.machinery
    import importlib.util
    import os

    extension, control = int(sys.argv[1]), int(sys.argv[2])
    packages, policy, order = sys.argv[3], sys.argv[4], sys.argv[5]
    del sys.argv[1:]
    path = f"/proc/self/fd/{extension}"
    loader = importlib.machinery.ExtensionFileLoader("actwright_worker", path)
    spec = importlib.util.spec_from_file_location("actwright_worker", path, loader=loader)
    assert spec is not None
    native = importlib.util.module_from_spec(spec)
    loader.exec_module(native)
    os.close(extension)
    sys.modules["_actwright"] = native

    embedded = dict(native.sources())
    # A copy, so that code which deletes or replaces builtins breaks itself and not the kernel.
    own_builtins = dict(vars(builtins))

    class Importer:
        """Finds the embedded modules; everything else is left to the finders behind it."""

        @staticmethod
        def find_spec(name, path=None, target=None):
            if name not in embedded:
                return None
            return importlib.machinery.ModuleSpec(name, Importer, is_package=name == "actwright")

        @staticmethod
        def create_module(spec):
            return None

        @staticmethod
        def exec_module(module):
            name = module.__name__
            shown = f"<{name.replace('.', '/')}.py>"
            module.__dict__["__builtins__"] = own_builtins
            exec(compile(embedded[name], shown, "exec", dont_inherit=True), module.__dict__)

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
