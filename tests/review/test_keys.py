"""Keys and their remap file."""

from __future__ import annotations

import pytest

from records import ConfigError
from review.keys import ACTIONS, FIELD_KEYS, load_keys


def test_every_key_has_one_action():
    keys = load_keys()
    assert len(set(keys.values())) == len(ACTIONS)
    assert not set(keys.values()) & set(FIELD_KEYS)
    assert (keys["accept"], keys["reject"], keys["undo"], keys["done"]) == ("a", "x", "u", ".")


def test_a_file_remaps(tmp_path):
    path = tmp_path / "keys.toml"
    path.write_text('[keys]\naccept = "y"\nreject = "ArrowLeft"\n', encoding="utf-8")
    keys = load_keys(path)
    assert (keys["accept"], keys["reject"], keys["skip"]) == ("y", "ArrowLeft", "space")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[keys]\naccept = "x"\n', "both"),
        ('[keys]\naccpet = "y"\n', "no action 'accpet'"),
        ('[keys]\naccept = "1"\n', "goes to a field"),
        ('[keys]\naccept = "ctrl+a"\n', "one character"),
        ("[keys]\naccept = 3\n", "one character"),
        ("accept = 'y'\n", r"\[keys\]"),
        ("[keys\n", "keys.toml"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(tmp_path, text, fault):
    path = tmp_path / "keys.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=fault):
        load_keys(path)
