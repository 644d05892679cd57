"""What tests of the real Cloudflare plugin need on PATH."""

from __future__ import annotations

import shutil

import pytest

_TOOLS = ("pulumi", "pulumi-resource-cloudflare")
NEEDS_PLUGIN = pytest.mark.skipif(
    not all(map(shutil.which, _TOOLS)), reason="there is no pulumi with its plugin on PATH"
)
