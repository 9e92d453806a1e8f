"""What draws tracebacks in colour is not loaded for a server, which never does: 4.6 MiB of each process."""

import sys
from importlib import import_module
from types import ModuleType
from typing import cast


def import_without(unwanted: str, module: str) -> None:
    """Import a module as if another, which it takes where there is one, were not installed."""
    if unwanted in sys.modules:
        return
    sys.modules[unwanted] = cast("ModuleType", None)  # which Python takes for "cannot be found"
    try:
        import_module(module)
    finally:
        del sys.modules[unwanted]


import_without("rich", "structlog")
