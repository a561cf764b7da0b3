"""A workspace with four decided deals, and a release of generated deals, each made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.generate import make_release
from publish.build import Plan, publish
from publish.release import Release
from tests.publish.ledger import make_workspace


@pytest.fixture(scope="session")
def decided(tmp_path_factory) -> Path:
    """The ledger's path in a workspace that no test may change."""
    return make_workspace(tmp_path_factory.mktemp("workspace"))


@pytest.fixture
def ledger(decided, tmp_path) -> Path:
    """The same in a copy that a test may change."""
    shutil.copytree(decided.parent, tmp_path / "workspace")
    return tmp_path / "workspace" / "watchledger.db"


@pytest.fixture(scope="session")
def generated() -> Release:
    """A hundred and twenty generated deals."""
    return make_release(120)


@pytest.fixture(scope="session")
def folder(generated, tmp_path_factory) -> Path:
    """Their release, checked by both libraries."""
    path = tmp_path_factory.mktemp("releases") / "generated"
    publish(generated, Plan(folder=path))
    return path
