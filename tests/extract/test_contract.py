"""`watchledger extract`: lines in, lines out, and what happens to lines that are no documents."""

import json

import pytest
from click.testing import CliRunner

from pipeline import main

DEAL = (
    "NAIROBI - Kenya's police have signed a contract with Huawei for a safe city system, the interior ministry said on Tuesday.\n\n"
    "The Chinese company will install 1,800 CCTV cameras in Nairobi and Mombasa for $150 million, paid for with a loan from the "
    "Export-Import Bank of China."
)


def run(tmp_path, *lines, name="in.jsonl"):
    source = tmp_path / name
    source.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
    out = tmp_path / "out.jsonl"
    result = CliRunner().invoke(main, ["extract", str(source), "-o", str(out)])
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] if out.exists() else []
    return result, rows


def line(key, text, **more):
    return json.dumps({"id": key, "text": text, **more}, ensure_ascii=False)


def test_each_document_has_a_line_in_order(tmp_path):
    result, rows = run(
        tmp_path,
        line("b", DEAL, unknown=[1, {"x": 2}]),
        line("a", ""),
        line("c", "It rained in Nairobi all week, as it does in April."),
    )
    assert result.exit_code == 0
    assert [row["id"] for row in rows] == ["b", "a", "c"]
    assert [row["outcome"] for row in rows] == ["kept", "empty", "not_relevant"]
    assert all(row["extractor_version"] for row in rows)


def test_the_deal_has_every_field_of_the_contract(tmp_path):
    _, rows = run(tmp_path, line("x", DEAL, title="Police sign for cameras", date="2021-05-04"))
    (deal,) = rows[0]["deals"]
    assert (deal["vendor"], deal["country"]) == ("Huawei", "KE")
    assert {"safe_city", "video_surveillance"} & set(deal["technologies"])
    assert set(deal) >= {
        "vendor", "vendor_aliases", "vendor_country", "country", "technologies", "financing", "value", "customer", "year", "status",
        "alleged", "evidence", "confidence", "vendor_id", "reasons", "spans",
    }  # fmt: skip
    assert all(quote in DEAL for quote in deal["evidence"])
    assert 0 <= deal["confidence"] <= 1
    assert deal["reasons"]


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        pytest.param("no json", "not JSON", id="not JSON"),
        pytest.param("[1, 2]", "not an object", id="a list"),
        pytest.param('{"text": "x"}', "no id", id="no id"),
        pytest.param('{"id": "x"}', "no text", id="no text"),
        pytest.param('{"id": "x", "text": 5}', "no text", id="text is a number"),
        pytest.param(b'{"id": "x", "text": "caf\xe9"}', "not UTF-8", id="Latin-1"),
        pytest.param('{"id": "x", "text": "\\ud800"}', "surrogate", id="half a surrogate pair"),
        pytest.param("[" * 100_000, "not JSON", id="nested to the ceiling"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_goes_through(tmp_path, bad, fault):
    result, rows = run(tmp_path, line("a", DEAL), bad, line("z", DEAL))
    assert result.exit_code == 1
    assert [row["id"] for row in rows] == ["a", "z"]
    assert ":2: " in result.stderr
    assert fault in result.stderr
    assert "Traceback" not in result.output


def test_fifty_megabytes_in_a_line_are_refused_by_size(tmp_path):
    result, rows = run(tmp_path, line("a", "x" * 50_000_000), line("z", DEAL))
    assert result.exit_code == 1
    assert [row["id"] for row in rows] == ["z"]
    assert "at most" in result.stderr


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a:" * 32_000, id="64 kB of a:"),
        pytest.param("Huawei sold CCTV cameras to Kenya. " * 30_000, id="a million characters"),
        pytest.param(
            "Huawei\u0301 sold came\u0301ras de vide\u0301osurveillance to Kenya for $5 million.", id="not NFC"
        ),
        pytest.param("\x00\x01\x02" * 100, id="control characters"),
    ],
)
def test_odd_texts_end_in_an_outcome(tmp_path, text):
    result, rows = run(tmp_path, line("a", text))
    assert result.exit_code == 0, result.output
    assert rows[0]["outcome"]
    for deal in rows[0]["deals"]:
        for span in deal["spans"]:
            assert 0 <= span["start"] < span["end"] <= len(text)


def test_a_text_file_is_one_document(tmp_path):
    result, rows = run(tmp_path, DEAL, name="report.txt")
    assert result.exit_code == 0
    assert [row["id"] for row in rows] == ["report"]


def test_a_missing_file_is_one_line(tmp_path):
    result = CliRunner().invoke(main, ["extract", str(tmp_path / "none.jsonl")])
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
