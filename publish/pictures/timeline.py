"""Counted deals by year and supplier's home."""

from __future__ import annotations

from collections import Counter

from publish import countries
from publish.pictures.svg import FAINT, KINDS, MARGIN, SOFT, Drawing, left_out, source_line, width_of
from publish.release import Release

WIDTH, HEIGHT = 1000, 480
OTHER = "all others"
YEARS_MOST = 40  # earlier ones are drawn together, so that bars stay wide enough to read


def draw_timeline(release: Release) -> str:
    """Stacked bars as SVG, lowest in a bar the home with most deals."""
    counted = [deal for deal in release.deals if deal.counted]
    homes = _leading_homes(Counter(deal.vendor_country or "" for deal in counted))
    undated = sum(deal.year is None for deal in counted)
    told = Counter((str(deal.year), _home(deal.vendor_country, homes)) for deal in counted if deal.year)
    columns = _columns({year for year, _ in told})
    bars = {column: {home: _count(told, column, home) for home in homes} for column in columns}
    heights = {column: sum(parts.values()) for column, parts in bars.items()}
    drawing = Drawing(
        WIDTH, HEIGHT, "When deals were agreed",
        "Deals by year: " + ", ".join(f"{column} {height}" for column, height in heights.items()) + f". {undated} without.",
    )  # fmt: skip
    top = drawing.heading(
        "Accepted deals by year of agreement (of delivery where only that is told) and home of the supplier. "
        f"{left_out(release.about)} {_more(undated)}"
    )
    drawing.text(MARGIN, top + 14, "Home of the supplier", 11, bold=True)
    names = [(colour, _name(home)) for home, colour in zip(homes, KINDS, strict=False)]
    drawing.legend(MARGIN + width_of("Home of the supplier", 11, bold=True) + 16, top + 14, names)
    _bars(drawing, bars, heights, top + 40)
    drawing.source(source_line(release.about))
    return drawing.svg()


def _more(undated: int) -> str:
    if not undated:
        return "All have a year."
    return f"{undated:,} more {'deal has' if undated == 1 else 'deals have'} no year and {'is' if undated == 1 else 'are'} not drawn."


def _leading_homes(counts: Counter[str]) -> list[str]:
    ranked = [home for home, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if home]
    return ranked if len(ranked) <= len(KINDS) and "" not in counts else [*ranked[: len(KINDS) - 1], OTHER]


def _home(code: str | None, homes: list[str]) -> str:
    return code if code in homes and code else OTHER


def _name(home: str) -> str:
    return home if home == OTHER else countries.name_of(home)


def _columns(years: set[str]) -> list[str]:
    """Every year from the first to the last, early ones as "to 1989"."""
    dated = sorted(map(int, years))
    if not dated:
        return []
    first = max(dated[0], dated[-1] - YEARS_MOST + 1)
    return [*([f"to {first - 1}"] if dated[0] < first else []), *map(str, range(first, dated[-1] + 1))]


def _count(told: Counter[tuple[str, str]], column: str, home: str) -> int:
    if column.startswith("to "):
        last = int(column[3:])
        return sum(n for (year, of), n in told.items() if of == home and int(year) <= last)
    return told[column, home]


def _bars(drawing: Drawing, bars: dict[str, dict[str, int]], heights: dict[str, int], top: float) -> None:
    left, right, foot = MARGIN + 30, WIDTH - MARGIN, HEIGHT - 74
    most = max(heights.values(), default=1) or 1
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10**6) if most / step <= 6)
    scale = (foot - top - 16) / (-(-most // step) * step)
    for tick in range(0, -(-most // step) * step + 1, step):
        y = foot - tick * scale
        drawing.line(left, y, right, y, stroke=FAINT)
        drawing.text(left - 6, y + 4, f"{tick:,}", 10.5, anchor="end", fill=SOFT)
    drawing.text(left - 6, top - 2, "deals", 10.5, anchor="end", fill=SOFT)
    room = min((right - left) / max(len(bars), 1), 90)
    every = next(n for n in (1, 2, 5, 10, 20, 50) if n * room >= 32)
    for place, (column, parts) in enumerate(bars.items()):
        x = left + place * room
        _bar(drawing, x, room, foot, scale, column, parts)
        if heights[column] and room >= 14:
            drawing.text(x + room / 2, foot - heights[column] * scale - 4, f"{heights[column]:,}", 10, anchor="middle")
        if not column.isdigit() or int(column) % every == 0:
            drawing.text(x + room / 2, foot + 16, column, 10.5, anchor="middle", fill=SOFT)
    drawing.line(left, foot, right, foot, stroke=SOFT)


def _bar(
    drawing: Drawing, x: float, room: float, foot: float, scale: float, column: str, parts: dict[str, int]
) -> None:
    y = foot
    for (home, count), colour in zip(parts.items(), KINDS, strict=False):
        if count:
            y -= count * scale
            drawing.rect(
                x + room * 0.12, y, room * 0.76, count * scale, colour, "#555555", f"{column}, {_name(home)}: {count}"
            )
