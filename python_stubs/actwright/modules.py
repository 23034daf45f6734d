"""Tables of well-known names: what to import for them, and which package brings a module."""

from __future__ import annotations

import sys

# The module's name is not the package's name.
PACKAGES = {
    "cv2": "opencv-python",
    "yaml": "pyyaml",
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "docx": "python-docx",
    "pptx": "python-pptx",
    "fitz": "pymupdf",
    "jwt": "pyjwt",
    "Crypto": "pycryptodome",
    "serial": "pyserial",
    "git": "gitpython",
    "github": "pygithub",
    "magic": "python-magic",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "mpl_toolkits": "matplotlib",
    "google.protobuf": "protobuf",
    "attr": "attrs",
    "pkg_resources": "setuptools",
    "usb": "pyusb",
    "zmq": "pyzmq",
    "OpenSSL": "pyopenssl",
    "ruamel": "ruamel.yaml",
    "faiss": "faiss-cpu",
    "tensorflow_hub": "tensorflow-hub",
    "sentence_transformers": "sentence-transformers",
    "lightgbm": "lightgbm",
    "Levenshtein": "python-Levenshtein",
    "slugify": "python-slugify",
    "markdown": "Markdown",
    "wx": "wxPython",
    "gi": "PyGObject",
    "google.generativeai": "google-generativeai",
    "google.genai": "google-genai",
    "google.auth": "google-auth",
    "google.oauth2": "google-auth",
    "googleapiclient": "google-api-python-client",
    "win32api": "pywin32",
    "win32com": "pywin32",
    "telegram": "python-telegram-bot",
    "discord": "discord.py",
    "dns": "dnspython",
    "nacl": "pynacl",
    "socks": "pysocks",
    "umap": "umap-learn",
    "imblearn": "imbalanced-learn",
    "rest_framework": "djangorestframework",
    "flask_cors": "flask-cors",
    "barcode": "python-barcode",
    "ldap": "python-ldap",
    "multipart": "python-multipart",
    "jose": "python-jose",
    "engineio": "python-engineio",
    "socketio": "python-socketio",
    "snappy": "python-snappy",
    "Xlib": "python-xlib",
    "pwn": "pwntools",
    "osgeo": "gdal",
    "MeCab": "mecab-python3",
}

# Names that a mistyped one is probably meant as.
POPULAR = (
    "aiohttp altair attrs bokeh boto3 click cryptography duckdb fastapi flask geopandas httpx humanize jinja2 jsonschema lxml "
    "matplotlib networkx nltk numba numpy openai openpyxl orjson pandas pillow plotly polars psutil pyarrow pydantic pytest "
    "requests rich scikit-learn scipy seaborn selenium shapely spacy sqlalchemy statsmodels sympy tabulate tensorflow torch "
    "tqdm transformers xarray xlsxwriter"
).split()

# What the name stands for in nearly everybody's code.
IMPORTS = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "pl": "import polars as pl",
    "plt": "import matplotlib.pyplot as plt",
    "mpl": "import matplotlib as mpl",
    "sns": "import seaborn as sns",
    "sp": "import sympy as sp",
    "nx": "import networkx as nx",
    "tf": "import tensorflow as tf",
    "torch": "import torch",
    "nn": "from torch import nn",
    "F": "import torch.nn.functional as F",
    "px": "import plotly.express as px",
    "go": "import plotly.graph_objects as go",
    "ET": "import xml.etree.ElementTree as ET",
    "dt": "import datetime as dt",
    "requests": "import requests",
    "yaml": "import yaml",
    "numpy": "import numpy",
    "pandas": "import pandas",
    "tqdm": "from tqdm import tqdm",
    "BeautifulSoup": "from bs4 import BeautifulSoup",
    "Image": "from PIL import Image",
    "DataFrame": "from pandas import DataFrame",
}

_FROM = {
    "collections": "Counter OrderedDict defaultdict deque namedtuple ChainMap",
    "typing": "Any Callable Dict Generic Iterable Iterator List Literal NamedTuple Optional Protocol "
    "Sequence Set Tuple Type TypedDict TypeVar Union cast overload",
    "dataclasses": "dataclass field asdict astuple replace",
    "functools": "cache cached_property lru_cache partial reduce singledispatch "
    "total_ordering wraps cmp_to_key",
    "itertools": "accumulate chain combinations count cycle groupby islice permutations product starmap "
    "takewhile zip_longest pairwise",
    "pathlib": "Path PurePath",
    "datetime": "date timedelta timezone",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "enum": "Enum IntEnum Flag auto",
    "abc": "ABC abstractmethod",
    "contextlib": "contextmanager suppress redirect_stdout ExitStack closing",
    "concurrent.futures": "ThreadPoolExecutor ProcessPoolExecutor as_completed",
    "io": "BytesIO StringIO",
    "math": "sqrt ceil floor pi factorial gcd log exp sin cos tan isclose comb",
    "statistics": "mean median stdev",
    "time": "sleep perf_counter",
    "random": "randint choice shuffle",
    "pprint": "pprint",
    "textwrap": "dedent",
    "heapq": "heappush heappop heapify nlargest nsmallest",
    "bisect": "bisect_left bisect_right insort",
    "copy": "deepcopy",
    "types": "SimpleNamespace MappingProxyType",
    "threading": "Thread Lock",
    "urllib.request": "urlopen",
    "urllib.parse": "urlparse urlencode quote",
    "uuid": "uuid4",
    "operator": "itemgetter attrgetter",
}
for _module, _names in _FROM.items():
    for _name in _names.split():
        IMPORTS[_name] = f"from {_module} import {_name}"

# The modules that agents use; the whole standard library also has obscure ones.
COMMON = frozenset(
    "abc argparse array ast asyncio base64 bisect bz2 calendar cmath codecs collections concurrent "
    "configparser contextlib copy csv ctypes dataclasses datetime decimal difflib dis email enum "
    "fnmatch fractions functools gc getpass glob gzip hashlib heapq hmac html http importlib inspect io "
    "ipaddress itertools json keyword linecache locale logging lzma math mimetypes multiprocessing "
    "numbers operator os pathlib pickle pkgutil platform pprint queue random re secrets select shelve "
    "shlex shutil signal socket sqlite3 ssl stat statistics string struct subprocess sys tarfile "
    "tempfile textwrap threading time timeit traceback types typing unicodedata unittest urllib uuid "
    "warnings weakref xml zipfile zlib zoneinfo".split()
)
STANDARD: frozenset[str] = getattr(sys, "stdlib_module_names", COMMON)


def import_for(name: str) -> str | None:
    """The statement that would define the name, if it is a well-known one."""
    known = IMPORTS.get(name)
    if known is not None:
        return known
    return f"import {name}" if name in STANDARD and not name.startswith("_") else None


def package_of(module: str) -> str:
    """The name under which the module's package is published."""
    top = module.partition(".")[0]
    if module.startswith("google.cloud."):
        return "-".join(module.split(".")[:3])
    return PACKAGES.get(module) or PACKAGES.get(top) or top
