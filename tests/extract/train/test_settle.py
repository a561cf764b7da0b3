"""The version of a model whose thresholds were set anew; needs the extra [train]."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

NEEDS = ("torch", "sklearn", "onnx", "safetensors")
MISSING = [name for name in NEEDS if find_spec(name) is None]


@pytest.mark.skipif(bool(MISSING), reason=f"settling is NOT tested: {', '.join(MISSING)} not installed; make train")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026.11.27", "2026.11.28"),
        ("2026.11.28", "2026.11.28.2"),
        ("2026.11.28.2", "2026.11.28.3"),
        ("2026.11.28.9", "2026.11.28.10"),
        ("first", "2026.11.28"),
    ],
)
def test_a_model_with_other_thresholds_has_another_version(before, after):
    from extract.train.settle import version_after

    assert version_after(before, "2026.11.28") == after
