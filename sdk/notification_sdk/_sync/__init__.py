"""The client.

Made of the async package by ``scripts/make_sync.py``: change that one.
"""
