import base64
import hashlib
import sys
import zipfile

directory, count = sys.argv[1], int(sys.argv[2])
for n in range(count):
    name = f"actwright_bench_{n}"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}/__init__.py": "from . import part\n",
        f"{name}/part.py": "".join(f"def function_{at}(x):\n    return x + {at}\n" for at in range(100)),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(text.encode())}")
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,"]) + "\n"
    with zipfile.ZipFile(f"{directory}/{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
