"""Makes the suite's modules in a session, and tells them where the canaries are."""


def install(modules, coordinates):
    import json
    import linecache
    import sys
    import types

    for name, source in json.loads(modules):
        module = types.ModuleType(name)
        linecache.cache[f"<{name}>"] = (len(source), None, source.splitlines(True), f"<{name}>")
        sys.modules[name] = module
        exec(compile(source, f"<{name}>", "exec"), module.__dict__)
        if name == "attack":
            module.target.__dict__.update(json.loads(coordinates))
