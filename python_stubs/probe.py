"""Run once by the host to learn what an interpreter is made of; prints one JSON object and imports nothing else."""

import json
import os
import sys
import sysconfig

roots = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
# Import directories outside the prefixes (editable installs, distribution packages) are part of it too.
roots.update(path for path in sys.path if os.path.isdir(path))
# The executable may be reached over links that lie elsewhere (a virtual environment's into its base, one in a
# user's own bin directory). Each is shown by itself: the directory around it is not Python's.
links = []
executable = sys.executable
while os.path.islink(executable) and len(links) < 40:
    links.append(executable)
    executable = os.path.abspath(os.path.join(os.path.dirname(executable), os.readlink(executable)))
roots.add(executable)

print(
    json.dumps(
        {
            "executable": sys.executable,
            "version": list(sys.version_info[:3]),
            "implementation": sys.implementation.name,
            "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
            "bits": 64 if sys.maxsize > 2**32 else 32,
            "roots": sorted({os.path.abspath(root) for root in roots if root}),
            "links": links,
        }
    )
)
