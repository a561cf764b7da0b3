"""From one document's scores to its deals and claims; the same steps at run time and out of fold."""

from __future__ import annotations

from extract.claims import decode_claims
from extract.decode import decode
from extract.graph import Graph
from extract.judge import Judge
from extract.scorer import Scored
from records import Claim, Finding


def read_scored(
    graph: Graph, scored: Scored, judge: Judge, settings: dict[str, float]
) -> tuple[list[Finding], list[Claim]]:
    """Deals, most confident first, and claims in order of the text."""
    arrays = scored.arrays
    claims = decode_claims(
        graph,
        arrays.counts,
        arrays.count_supplier,
        judge.claims(),
        judge.claim_suppliers(),
        judge.claim_technologies(),
        settings,
    )
    return decode(graph, scored, judge, settings), claims
