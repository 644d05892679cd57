# Types for mypy alone: JavaScript's globals, which the runtime provides.
from typing import Any

def __getattr__(name: str) -> Any: ...
