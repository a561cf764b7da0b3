"""From supplier's home over company to country: a network in three columns whose bands are as wide as deals are many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from publish import countries
from publish.pictures.matrix import supplier_of
from publish.pictures.svg import KINDS, Drawing, fitted, left_out, source_line
from publish.release import Release

WIDTH = 1000
HOMES_MOST, VENDORS_MOST, COUNTRIES_MOST = 8, 24, 40
OTHER = "\uffff"  # sorts last
GAP, LEAST = 4, 12  # between nodes; and high enough for a label of size 10.5
TALL = 620
REST = "#a0a0a0"  # bands of the homes that have no colour of their own
XS, NODE = (170.0, 470.0, 810.0), 12


@dataclass(slots=True)
class Node:
    """A box of a column, with how much of its height is taken by bands on either side."""

    name: str
    count: int
    y: float = 0
    height: float = 0
    taken: dict[str, float] = field(default_factory=lambda: {"left": 0.0, "right": 0.0})


def draw_network(release: Release) -> str:
    """The network as SVG."""
    counted = [deal for deal in release.deals if deal.counted]
    keep_home = _keep((deal.vendor_country or "" for deal in counted), HOMES_MOST)
    keep_vendor = _keep(map(supplier_of, counted), VENDORS_MOST)
    keep_country = _keep((deal.country for deal in counted), COUNTRIES_MOST)
    threads = Counter(
        (keep_home(deal.vendor_country or ""), keep_vendor(supplier_of(deal)), keep_country(deal.country))
        for deal in counted
    )
    columns = _columns(threads)
    scale = min(14.0, TALL / max(len(counted), 1))
    drawing = Drawing(WIDTH, 0, "From home to company to country", _told(threads))
    top = drawing.heading(
        "Accepted deals from the supplier's home (left) over the company (middle) to the recipient country (right); "
        f"a band is as wide as its deals are many. {left_out(release.about)}"
    )
    tallest = max(sum(max(LEAST, n.count * scale) + GAP for n in column) for column in columns)
    for column in columns:
        _stack(column, scale, top + 30, tallest)
    drawing.height = top + 30 + tallest + 46
    for x, head in zip(XS, ("Home", "Company", "Country"), strict=True):
        anchor = "end" if x == XS[0] else "start"
        drawing.text(x if anchor == "end" else x + NODE + 6, top + 18, head, 11, bold=True, anchor=anchor)
    _bands(drawing, threads, columns, scale)
    _nodes(drawing, columns)
    drawing.source(source_line(release.about))
    return drawing.svg()


def _keep(names: Iterable[str], most: int) -> Callable[[str], str]:
    """Names with most deals stay, all others become OTHER."""
    counts = Counter(names)
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    kept = set(ranked if len(ranked) <= most else ranked[: most - 1])
    return lambda name: name if name in kept else OTHER


def _columns(threads: Counter[tuple[str, str, str]]) -> list[list[Node]]:
    """Nodes of the three columns in an order that keeps bands from crossing where that can be had."""
    counts: list[Counter[str]] = [Counter(), Counter(), Counter()]
    for thread, n in threads.items():
        for place, name in enumerate(thread):
            counts[place][name] += n
    homes = sorted(counts[0], key=lambda name: (name == OTHER, -counts[0][name], name))
    orders = [homes, sorted(counts[1]), sorted(counts[2])]
    # Barycentre sweeps (Sugiyama): each node goes to the mean place of its neighbours.
    for left, right in ((0, 1), (1, 2), (2, 1), (1, 2), (2, 1), (1, 2)):
        orders[right] = _by_neighbours(threads, orders, left, right)
    return [[Node(name=name, count=counts[place][name]) for name in order] for place, order in enumerate(orders)]


def _by_neighbours(
    threads: Counter[tuple[str, str, str]], orders: list[list[str]], fixed: int, moved: int
) -> list[str]:
    places = {name: place for place, name in enumerate(orders[fixed])}
    pull: dict[str, float] = dict.fromkeys(orders[moved], 0.0)
    weight = dict.fromkeys(orders[moved], 0)
    for thread, n in threads.items():
        # Companies keep to their homes; countries only ever pull them within.
        home = 0 if moved != 1 else 1000 * orders[0].index(thread[0])
        pull[thread[moved]] += n * (home + places[thread[fixed]])
        weight[thread[moved]] += n
    return sorted(pull, key=lambda name: (name == OTHER, pull[name] / weight[name], name))


def _stack(column: list[Node], scale: float, top: float, tall: float) -> None:
    used = sum(max(LEAST, node.count * scale) for node in column)
    gap = min((tall - used) / max(len(column), 1), 26)
    y = top + (tall - used - gap * (len(column) - 1)) / 2
    for node in column:
        node.y, node.height = y, max(LEAST, node.count * scale)
        # Bands that are thinner than their node leave it from its middle.
        node.taken = dict.fromkeys(("left", "right"), (node.height - node.count * scale) / 2)
        y += node.height + gap


def _bands(drawing: Drawing, threads: Counter[tuple[str, str, str]], columns: list[list[Node]], scale: float) -> None:
    nodes = [{node.name: node for node in column} for column in columns]
    colours = {node.name: KINDS[i] if i < len(KINDS) - 1 else REST for i, node in enumerate(columns[0])}
    order = [{node.name: i for i, node in enumerate(column)} for column in columns]
    for side in (0, 1):
        pairs: Counter[tuple[str, str, str]] = Counter()
        for (home, vendor, nation), n in threads.items():
            pairs[((home, vendor, home) if side == 0 else (vendor, nation, home))] += n
        ranked = sorted(
            pairs.items(), key=lambda item: (order[side][item[0][0]], order[side + 1][item[0][1]], order[0][item[0][2]])
        )
        ends = sorted(
            pairs.items(), key=lambda item: (order[side + 1][item[0][1]], order[side][item[0][0]], order[0][item[0][2]])
        )
        arrive = {}
        for pair, n in ends:
            node = nodes[side + 1][pair[1]]
            arrive[pair] = _take(node, "left", n * scale)
        for pair, n in ranked:
            y1 = _take(nodes[side][pair[0]], "right", n * scale)
            _band(drawing, XS[side] + NODE, y1, XS[side + 1], arrive[pair], n * scale, colours[pair[2]])


def _take(node: Node, side: str, width: float) -> float:
    """The middle of the next free part of the node's edge."""
    y = node.y + node.taken[side] + width / 2
    node.taken[side] += width
    return y


def _band(drawing: Drawing, x1: float, y1: float, x2: float, y2: float, width: float, colour: str) -> None:
    middle = (x1 + x2) / 2
    drawing.path(
        f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}",
        stroke=colour, width=max(width - 0.6, 0.5), opacity=0.45,
    )  # fmt: skip


def _nodes(drawing: Drawing, columns: list[list[Node]]) -> None:
    for place, (x, column) in enumerate(zip(XS, columns, strict=True)):
        for node in column:
            name = _name(node.name, place)
            drawing.rect(x, node.y, NODE, node.height, "#333333", hint=f"{name}: {node.count}")
            told = f"{fitted(name, 10.5, 142)} {node.count:,}"
            y = node.y + node.height / 2 + 3.7
            if place == 0:
                drawing.text(x - 6, y, told, 10.5, anchor="end")
            else:
                drawing.text(x + NODE + 6, y, told, 10.5, halo=place == 1)


def _name(name: str, place: int) -> str:
    if name == OTHER:
        return ("other homes", "other companies", "other countries")[place]
    if place == 1:
        return name
    return countries.name_of(name) if name else "not told"


def _told(threads: Counter[tuple[str, str, str]]) -> str:
    ranked = sorted(threads.items(), key=lambda item: (-item[1], item[0]))[:60]
    return "; ".join(f"{_name(h, 0)}, {_name(v, 1)}, {_name(c, 2)}: {n}" for (h, v, c), n in ranked)
