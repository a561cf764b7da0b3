"""One corpus document with everything that training reads of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from extract.graph import Graph
from extract.train.fit import Example


@dataclass(slots=True)
class Item:
    """A gold document, its graph, its arrays and targets."""

    gold: dict[str, Any]
    graph: Graph
    example: Example
