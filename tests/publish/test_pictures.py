"""Pictures that need nothing but themselves, count right, and can be read."""

from __future__ import annotations

import re
from itertools import pairwise
from math import radians, sin

import pytest
from lxml import etree

from bench.generate import make_release
from bench.pictures import DRAWERS, ROOT, corpus_release
from publish import countries
from publish.derive import with_derived
from publish.pictures.svg import BLUES, KINDS, class_names, classes, fitted, on, width_of
from publish.pictures.world import equal_earth
from publish.release import Release

SVG = "{http://www.w3.org/2000/svg}"
EACH = pytest.mark.parametrize("name", DRAWERS)


def lightness(colour: str) -> float:
    """CIE L* of a colour: what is left of it in greyscale."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    y = sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return 116 * y ** (1 / 3) - 16


@pytest.fixture(scope="module", params=[3, 60, 3000], ids=["three deals", "sixty", "three thousand"])
def release(request) -> Release:
    return with_derived(make_release(request.param))


def drawn(release, name):
    return etree.fromstring(DRAWERS[name](release).encode())


@EACH
def test_a_picture_asks_nobody_and_runs_nothing(release, name):
    text = DRAWERS[name](release)
    assert not re.search(r"<script|<image|<foreignObject|href|url\(|@import|on[a-z]+=", text)
    assert re.findall(r"https?://[^\s\"<]+", text) == ["http://www.w3.org/2000/svg"]


@EACH
def test_a_picture_has_title_description_and_source(release, name):
    root = drawn(release, name)
    assert root.findtext(f"{SVG}title")
    assert root.findtext(f"{SVG}desc")
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert any(word.startswith("Source: Generated deals, version 1.0.0 (2026-01-31), CC-BY-4.0.") for word in words)


@EACH
def test_every_text_lies_within_the_picture(release, name):
    root = drawn(release, name)
    width, height = (float(root.get(side)) for side in ("width", "height"))
    for text in root.iter(f"{SVG}text"):
        x, y, size = (float(text.get(part)) for part in ("x", "y", "font-size"))
        long = width_of(text.text, size, bold=text.get("font-weight") == "bold")
        if text.get("transform"):
            assert 0 <= y - long <= height
            continue
        left = x - {"start": 0, "middle": long / 2, "end": long}[text.get("text-anchor")]
        assert left >= -1, text.text
        assert left + long <= width + 1, text.text
        assert size <= y <= height, text.text


@EACH
def test_no_two_labels_overlap(release, name):
    boxes = []
    for text in drawn(release, name).iter(f"{SVG}text"):
        if text.get("transform") is None:
            x, y, size = (float(text.get(part)) for part in ("x", "y", "font-size"))
            long = width_of(text.text, size, bold=text.get("font-weight") == "bold")
            left = x - {"start": 0, "middle": long / 2, "end": long}[text.get("text-anchor")]
            boxes.append((y, left, left + long, size, text.text))
    boxes.sort()
    for i, (y, left, right, _, words) in enumerate(boxes):
        for y2, left2, right2, size2, words2 in boxes[i + 1 :]:
            if y2 - y >= size2 * 0.8:
                break
            assert right <= left2 + 0.5 or right2 <= left + 0.5, (words, words2)


def test_colours_keep_their_order_in_greyscale():
    for colours, falling in ((BLUES, True), (KINDS, False)):
        steps = [lightness(colour) for colour in colours]
        assert steps == sorted(steps, reverse=falling)
        assert all(abs(one - other) > 10 for one, other in pairwise(steps))
    assert lightness("#ffffff") - lightness(BLUES[0]) > 10


@pytest.mark.parametrize("fill", [*BLUES, "#ffffff"])
def test_numbers_can_be_read_on_their_cell(fill):
    light, dark = sorted((lightness(fill), lightness(on(fill))), reverse=True)
    assert light - dark > 40


@pytest.mark.parametrize("most", [1, 3, 5, 6, 12, 75, 999, 5000])
def test_classes_cover_every_count_once(most):
    ends = classes(most)
    assert ends[0] == 1
    assert ends[-1] <= most
    assert len(ends) <= len(BLUES)
    assert class_names(ends, most)[-1][1].endswith(f"{most:,}")


@pytest.mark.parametrize(
    ("lon", "lat", "x", "y"),
    [(0, 0, 0, 0), (180, 0, 2.7066, 0), (0, 90, 0, 1.3173), (-180, 0, -2.7066, 0)],
)
def test_the_projection_is_equal_earth(lon, lat, x, y):
    found = equal_earth(lon, lat)
    assert found == (pytest.approx(x, abs=2e-2), pytest.approx(y, abs=2e-2))


def test_the_projection_keeps_areas():
    def area(south):
        """Of a cell of one degree, by its corners."""
        corners = [
            equal_earth(10, south),
            equal_earth(11, south),
            equal_earth(11, south + 1),
            equal_earth(10, south + 1),
        ]
        return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(corners, corners[1:] + corners[:1], strict=True))) / 2

    for south in (0, 30, 60, 75):
        on_the_globe = sin(radians(south + 1)) - sin(radians(south))
        assert area(south) / on_the_globe == pytest.approx(area(0) / (sin(radians(1))), rel=2e-3)


def test_the_map_shows_every_country_that_has_a_deal_or_names_it(release):
    root = drawn(release, "map")
    hints = {hint.text.split(":")[0] for hint in root.iter(f"{SVG}title")}
    words = " ".join(text.text for text in root.iter(f"{SVG}text"))
    for row in release.index_countries:
        assert row.country_name in hints or row.country_name in words


def test_outlines_know_their_countries():
    known = countries.names()
    places = {outline.country for outline in countries.outlines()}
    assert places <= set(known)
    assert len(places) > 230
    for outline in countries.outlines():
        for ring in outline.rings:
            assert all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in ring)
            assert all(abs(a[0] - b[0]) < 60 for a, b in pairwise(ring)), outline.country


def test_the_matrix_prints_what_was_counted():
    release = corpus_release()
    cells = [t.text for t in drawn(release, "matrix").iter(f"{SVG}title")][1:]
    counted = sum(deal.counted for deal in release.deals)
    assert 0 < sum(int(cell.rsplit(": ", 1)[1]) for cell in cells) <= counted


def test_long_names_are_cut_with_an_ellipsis():
    told = fitted("The Democratic Republic of a Very Long Name", 11, 80)
    assert told.endswith("…")
    assert width_of(told, 11) <= 80


@EACH
def test_the_pictures_in_the_docs_are_fresh(name):
    there = (ROOT / "docs" / "images" / f"{name}.svg").read_text(encoding="utf-8")
    assert there == DRAWERS[name](corpus_release()), "draw them anew with: python -m bench.pictures"
