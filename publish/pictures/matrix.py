"""Which company supplies which country, as a table of counts."""

from __future__ import annotations

from collections import Counter

from publish import countries
from publish.derive import company_of
from publish.pictures.svg import (
    MARGIN,
    SOFT,
    Drawing,
    class_names,
    class_of,
    classes,
    fitted,
    left_out,
    on,
    source_line,
)  # fmt: skip
from publish.release import Release
from publish.rows import Deal

VENDORS_MOST, COUNTRIES_MOST = 30, 36
CELL = 20
ROOM_VENDOR, ROOM_COUNTRY = 190, 136


def draw_matrix(release: Release) -> str:
    """The table as SVG, vendors and countries with most deals first; what does not fit is counted in the subtitle."""
    counted = [deal for deal in release.deals if deal.counted]
    cells = Counter((supplier_of(deal), deal.country) for deal in counted)
    vendors, of_vendor = _ranked(Counter(supplier_of(deal) for deal in counted), VENDORS_MOST)
    nations, of_nation = _ranked(Counter(deal.country for deal in counted), COUNTRIES_MOST)
    width = max(MARGIN * 2 + ROOM_VENDOR + CELL * len(nations) + 50, 640)
    drawing = Drawing(
        width, 0, "Who supplies whom",
        "; ".join(f"{vendor} in {countries.name_of(nation)}: {n}" for (vendor, nation), n in sorted(cells.items())[:200]),
    )  # fmt: skip
    more = [
        f"{len(of_vendor) - len(vendors)} more suppliers" if len(of_vendor) > len(vendors) else "",
        f"{len(of_nation) - len(nations)} more countries" if len(of_nation) > len(nations) else "",
    ]
    not_shown = " Not shown: " + " and ".join(filter(None, more)) + " with fewer deals." if any(more) else ""
    top = drawing.heading(
        f"Accepted deals by supplier and recipient country, those with most deals first. {left_out(release.about)}{not_shown}"
    )
    most = max((n for (vendor, nation), n in cells.items() if vendor in vendors and nation in nations), default=1)
    ends = classes(most)
    drawing.text(MARGIN, top + 14, "Deals", 11, bold=True)
    drawing.legend(MARGIN + 42, top + 14, class_names(ends, most))
    left, first = MARGIN + ROOM_VENDOR, top + 30 + ROOM_COUNTRY
    drawing.height = first + CELL * (len(vendors) + 1) + 56
    _frame(drawing, vendors, nations, of_vendor, of_nation, left, first)
    for row, vendor in enumerate(vendors):
        for column, nation in enumerate(nations):
            n = cells[vendor, nation]
            if n:
                x, y, fill = left + column * CELL, first + row * CELL, class_of(n, ends)
                drawing.rect(
                    x + 0.5, y + 0.5, CELL - 1, CELL - 1, fill, hint=f"{vendor}, {countries.name_of(nation)}: {n}"
                )
                drawing.text(
                    x + CELL / 2,
                    y + CELL / 2 + 3.5,
                    str(n) if n < 1000 else "+",
                    10 if n < 100 else 8,
                    anchor="middle",
                    fill=on(fill),
                )
    drawing.source(source_line(release.about))
    return drawing.svg()


def supplier_of(deal: Deal) -> str:
    """The company under its standard name, or whose it is where none is named."""
    return company_of(deal) or f"not named ({countries.name_of(deal.vendor_country or '')})"


def _ranked(counts: Counter[str], most: int) -> tuple[list[str], Counter[str]]:
    ranked = sorted(counts, key=lambda name: (-counts[name], name.casefold()))
    return ranked[:most], counts


def _frame(
    drawing: Drawing, vendors: list[str], nations: list[str], of_vendor: Counter[str], of_nation: Counter[str],
    left: float, first: float,
) -> None:  # fmt: skip
    right, foot = left + CELL * len(nations), first + CELL * len(vendors)
    for row, vendor in enumerate(vendors):
        y = first + row * CELL
        drawing.line(left, y, right, y)
        drawing.text(left - 8, y + CELL / 2 + 4, fitted(vendor, 11, ROOM_VENDOR - 8), 11, anchor="end")
        drawing.text(right + 8, y + CELL / 2 + 4, f"{of_vendor[vendor]:,}", 10.5, fill=SOFT)
    for column, nation in enumerate(nations):
        x = left + column * CELL
        drawing.line(x, first, x, foot)
        name = fitted(countries.name_of(nation), 11, ROOM_COUNTRY - 6)
        drawing.text(x + CELL / 2 + 4, first - 7, name, 11, turn=-90)
        drawing.text(
            x + CELL / 2,
            foot + 14,
            f"{of_nation[nation]}",
            10.5 if of_nation[nation] < 1000 else 8,
            anchor="middle",
            fill=SOFT,
        )
    drawing.line(left, foot, right, foot)
    drawing.line(right, first, right, foot)
    drawing.text(right + 8, first - 7, "all", 10.5, fill=SOFT)
    drawing.text(left - 8, foot + 14, "all", 10.5, anchor="end", fill=SOFT)
