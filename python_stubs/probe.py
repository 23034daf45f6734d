"""Run once by the host to learn what an interpreter is made of; prints one JSON object and imports nothing else."""

import json
import os
import sys
import sysconfig

roots = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
# Import directories outside the prefixes (editable installs, distribution packages) are part of it too.
roots.update(path for path in sys.path if os.path.isdir(path))
# A virtual environment's executable is a link into its base; the base may be reached over further links.
for path in (sys.executable, os.path.realpath(sys.executable)):
    roots.add(os.path.dirname(os.path.dirname(path)))

print(
    json.dumps(
        {
            "executable": sys.executable,
            "version": list(sys.version_info[:3]),
            "implementation": sys.implementation.name,
            "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
            "bits": 64 if sys.maxsize > 2**32 else 32,
            "roots": sorted({os.path.abspath(root) for root in roots if root}),
        }
    )
)
