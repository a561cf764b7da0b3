from importlib import resources

import pytest

from extract.clean import clean
from extract.pdf import PdfError, read_pdf
from records import Outcome
from tests.extract.test_clean import stored

REPORT = (resources.files("newsroom") / "report.pdf").read_bytes()


def test_pages_start_where_they_say():
    pdf = read_pdf(REPORT)
    assert len(pdf.pages) == 3
    starts = [pdf.text[at:].split("\n", 1)[0] for at in pdf.pages]
    assert starts == ["Paying for cameras", "2. Georgetown counts its cameras", "Method"]


def test_running_heads_and_feet_are_cut():
    text = read_pdf(REPORT).text
    assert "Page 1 of 3" not in text
    assert "Open Tenders Watch | Paying for cameras" not in text


def test_lines_are_put_together_to_paragraphs():
    paragraphs = read_pdf(REPORT).text.split("\n\n")
    assert "Sums were converted at the rate of the day on which an agreement was signed." in " ".join(paragraphs)
    assert "1. A data centre in the savanna" in paragraphs


def test_a_pdf_becomes_an_article_with_pages_title_and_date():
    made = clean(stored(REPORT, "application/pdf", publisher="Open Tenders Watch")).article
    assert made is not None
    assert made.title == "Paying for cameras: three notes on how safe cities are paid for"
    assert (made.published, made.published_rule, len(made.pages)) == ("2021-03-15", "pdf_created", 3)
    assert all(made.text[at - 2 : at] == "\n\n" for at in made.pages[1:])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(REPORT[:1500], "pdf_broken", id="cut short"),
        pytest.param(b"%PDF-1.7\nnothing else", "pdf_broken", id="a head only"),
        pytest.param(
            b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj"
            b" 3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj trailer<</Root 1 0 R>>",
            "pdf_no_text",
            id="an empty page",
        ),
    ],
)
def test_a_pdf_without_text_has_a_name(body, reason):
    with pytest.raises(PdfError) as told:
        read_pdf(body)
    assert (told.value.outcome, told.value.reason) == (Outcome.QUARANTINED, reason)
