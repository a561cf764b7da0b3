"""Accepted deals out: a release of tables, pictures and citations that other data sets can build on.

Reads the ledger through `store.release`; knows no SQL and draws with nothing but text.
"""
