# Types for mypy alone: what is used of the Worker SDK, which the bundle vendors.
from typing import Any

class WorkerEntrypoint:
    ctx: Any
    env: Any

def import_from_javascript(module_name: str) -> Any: ...
