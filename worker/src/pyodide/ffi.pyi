# Types for mypy alone: what is used of Pyodide's foreign function interface.
from typing import Any

class JsException(Exception):
    name: str
    message: str

jsnull: Any

def to_js(value: Any, /, **options: Any) -> Any: ...
def create_proxy(value: Any, /) -> Any: ...
