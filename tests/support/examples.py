"""The examples, imported as their reader would run them."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(path: str) -> ModuleType:
    """Import `examples/PATH`."""
    name = f"example_{Path(path).stem}"
    spec = spec_from_file_location(name, EXAMPLES / path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
