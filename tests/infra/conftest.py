"""Keeps the SDK's warnings about its own deprecated names out of the tests' output."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:pulumi_cloudflare")
