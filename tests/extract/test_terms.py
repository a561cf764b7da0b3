import pytest

from extract.terms import Terms, read_terms, with_terms
from records import Financing, FinancingType, Finding, Technology


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        pytest.param(
            "The loan carries 2 percent interest and is repaid over 20 years with a grace period of 7 years.",
            Terms(2.0, 20.0, 7.0),
            id="all three",
        ),
        pytest.param("a 20-year loan at an interest rate of 2.5%, with five years' grace", Terms(2.5, 20.0, 5.0), id="before"),
        pytest.param("a loan at an interest of 3 per cent", Terms(3.0), id="the rate alone"),
        pytest.param("le prêt, au taux de 2 %, est remboursable sur 15 ans avec un différé de 5 ans", Terms(2.0, 15.0, 5.0), id="French"),
        pytest.param("un préstamo a 20 años con cinco años de gracia", Terms(None, 20.0, 5.0), id="Spanish"),
        pytest.param("o empréstimo a 10 anos tem juros de 4% e carência de 2 anos", Terms(4.0, 10.0, 2.0), id="Portuguese"),
        pytest.param("The loan was signed. Crime fell by 46 percent over 5 years.", Terms(), id="another percentage"),
        pytest.param("The contract runs for three years.", Terms(), id="a contract is no loan"),
        pytest.param("The loan of $104 million came in 2018.", Terms(), id="a year is no maturity"),
    ],
)  # fmt: skip
def test_terms_are_read_where_they_are_told(text, terms):
    assert read_terms(text) == terms


def finding(*kinds: FinancingType) -> Finding:
    told = tuple(Financing(type=kind) for kind in kinds)
    return Finding(
        vendor="Huawei", vendor_aliases=("Huawei",), vendor_country="CN", country="KE",
        technologies=(Technology.SPYWARE,), confidence=0.5, financing=told[0] if told else None, instruments=told,
        evidence=("The loan carries 2 percent interest.",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kinds", "rates"),
    [
        ((FinancingType.LOAN,), [2.0]),
        ((FinancingType.GRANT, FinancingType.LOAN), [None, 2.0]),
        ((FinancingType.LOAN, FinancingType.EXPORT_CREDIT), [None, None]),
        ((FinancingType.GRANT,), [None]),
        ((), []),
    ],
)
def test_terms_belong_to_the_one_loan(kinds, rates):
    made = with_terms(finding(*kinds))
    assert [one.rate for one in made.instruments] == rates
    if kinds and kinds[0] is FinancingType.LOAN:
        assert made.financing == made.instruments[0]
