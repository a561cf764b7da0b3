"""A map of the world: counted deals by recipient country, on an equal-area projection so that no country looks larger."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

from publish import countries
from publish.countries import Outline, Ring
from publish.pictures.svg import (
    INK,
    MARGIN,
    SOFT,
    Drawing,
    class_names,
    class_of,
    classes,
    left_out,
    source_line,
    width_of,
)
from publish.release import Release

WIDTH, HEIGHT = 1000, 600
# Bojan Šavrič, Tom Patterson and Bernhard Jenny: The Equal Earth map projection, 2018.
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
SOUTH, NORTH = -56.0, 83.7  # no country with a government lies beyond
_EAST = 2.7066  # x of the projection at 180 degrees on the equator
TOP_LISTED = 10


def equal_earth(lon: float, lat: float) -> tuple[float, float]:
    """Degrees to the plane; x from -2.71 to 2.71, y from -1.32 to 1.32."""
    theta = asin(sqrt(3) / 2 * sin(radians(lat)))
    squared = theta * theta
    sixth = squared**3
    x = (
        2
        * sqrt(3)
        * radians(lon)
        * cos(theta)
        / (3 * (9 * _A4 * squared * sixth + 7 * _A3 * sixth + 3 * _A2 * squared + _A1))
    )
    return x, theta * (_A4 * squared * sixth + _A3 * sixth + _A2 * squared + _A1)


def draw_map(release: Release) -> str:
    """The map as SVG."""
    counts = {row.country: row.deals for row in release.index_countries}
    most = max(counts.values(), default=1)
    ends = classes(most)
    drawing = Drawing(
        WIDTH, HEIGHT, "Where surveillance technology is supplied",
        f"World map of {sum(counts.values())} counted deals in {len(counts)} countries: {_listed(counts, 30)}.",
    )  # fmt: skip
    top = drawing.heading(
        f"Accepted deals by recipient country: {sum(counts.values()):,} in {len(counts)} countries. {left_out(release.about)}"
    )
    place = _Place(top)
    drawing.path(place.sphere(), fill="#eef3f7", stroke="#c5d0d8", width=0.7)
    there: set[str] = set()
    for outline in countries.outlines():
        count = counts.get(outline.country, 0)
        if outline.point is None or count:
            _country(drawing, place, outline, count, class_of(count, ends) if count else "#ffffff")
            there.add(outline.country)
    _legend(drawing, counts, ends, most)
    lost = sorted(set(counts) - there)
    missing = f" Not on the map: {', '.join(map(countries.name_of, lost))}." if lost else ""
    drawing.source(
        source_line(release.about, "Boundaries: Natural Earth 1:110m (public domain), as they are in practice and without a "
                    f"view on who holds what; small states are dots. Equal Earth projection.{missing}")
    )  # fmt: skip
    return drawing.svg()


class _Place:
    """From degrees to the page."""

    def __init__(self, top: float) -> None:
        self.scale = (WIDTH - 2 * MARGIN) / (2 * _EAST)
        self.top = top + equal_earth(0, NORTH)[1] * self.scale

    def sphere(self) -> str:
        """The outline of the world between SOUTH and NORTH."""
        steps = [SOUTH + (NORTH - SOUTH) * i / 60 for i in range(61)]
        edge = [self(180, lat) for lat in steps] + [self(-180, lat) for lat in reversed(steps)]
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in edge) + "Z"

    def __call__(self, lon: float, lat: float) -> tuple[float, float]:
        x, y = equal_earth(lon, max(SOUTH, min(NORTH, lat)))
        return WIDTH / 2 + x * self.scale, self.top - y * self.scale


def _country(drawing: Drawing, place: _Place, outline: Outline, count: int, fill: str) -> None:
    hint = f"{countries.name_of(outline.country)}: {count} deal{'' if count == 1 else 's'}" if count else ""
    if outline.point:
        x, y = place(*outline.point)
        drawing.circle(x, y, 4, fill, INK, hint)
        return
    path = "".join(_ring(ring, place) for ring in outline.rings)
    drawing.path(path, fill=fill, stroke="#8c8c8c", width=0.5, hint=hint)


def _ring(ring: Ring, place: _Place) -> str:
    points = [f"{x:.1f} {y:.1f}" for x, y in (place(lon, lat) for lon, lat in ring)]
    kept = [point for i, point in enumerate(points) if i == 0 or point != points[i - 1]]
    return "M" + "L".join(kept) + "Z" if len(kept) > 2 else ""


def _legend(drawing: Drawing, counts: dict[str, int], ends: list[int], most: int) -> None:
    y = HEIGHT - 74
    drawing.text(MARGIN, y, "Deals", 11, bold=True)
    drawing.legend(MARGIN + 42, y, [("#ffffff", "none known"), *class_names(ends, most)])
    told = ["Most: " + _listed(counts, number) for number in range(TOP_LISTED, 0, -1)]
    room = drawing.width - 2 * MARGIN
    drawing.text(MARGIN, y + 20, next((t for t in told if width_of(t, 11) <= room), told[-1]), 11, fill=SOFT)


def _listed(counts: dict[str, int], most: int) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], countries.name_of(item[0])))
    return ", ".join(f"{countries.name_of(code)} {count}" for code, count in ranked[:most])
