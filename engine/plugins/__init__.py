"""Pulumi plugins of this project, for a Pulumi CLI that can't get the official ones.

`tools/plugins` and `tools/stand-ins` hold the executables that the CLI looks for on PATH.
"""
