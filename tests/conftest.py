"""What several tests share: the shipped extractor, loaded once."""

import pytest

from extract.document import Extractor


@pytest.fixture(scope="session")
def extractor() -> Extractor:
    return Extractor.load()
