"""Measurements: quality against gold documents and pinned floors, speed against peers.

Sees `records` and `extract` only.
"""
