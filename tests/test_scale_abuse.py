"""Worst texts, hostile rule files and strange model files (rows N1 to N3 of the abuse matrix)."""

from __future__ import annotations

import pickle
import time
from pathlib import Path

import pytest

from extract.gate import Gate, page_text, plain
from extract.lexicon import Lexicon
from extract.money import MoneyGrammar
from extract.scorer import Scorer
from extract.text import read_text
from pipeline import read_workspace
from records import ConfigError, LexiconError, ModelError

SIZE = 200_000
# Twice the aim of 0.5 s on the processor, for slow machines; `make bench-speed` measures against the aim itself.
ALLOWED = 1.0


@pytest.fixture(scope="module")
def lexicon():
    return Lexicon.load()


@pytest.fixture(scope="module")
def stages(lexicon):
    gate, money = Gate.load(lexicon), MoneyGrammar(lexicon.currencies)
    gate.passes("Cameras were sold to the police of Kenya by Huawei in the year 2019, officials said.")
    return {
        "normalise": read_text,
        "page words": lambda text: page_text(text.encode()),
        "gate": lambda text: gate.passes(plain(text)),
        "money": lambda text: money.find(read_text(text).text, lambda _: None),
    }


@pytest.mark.parametrize("stage", ["normalise", "page words", "gate", "money"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a:" * (SIZE // 2), id="a:"),
        pytest.param("x" * SIZE, id="one token"),
        pytest.param("1" * SIZE, id="digits"),
        pytest.param("$1,000,000," * (SIZE // 11), id="money"),
        pytest.param("aaaaaaaaaaaaaaaaaaaaa! " * (SIZE // 23), id="(a+)+"),
        pytest.param("12 March 2019, " * (SIZE // 15), id="dates"),
        pytest.param("camera " * (SIZE // 7), id="words of the subject"),
        pytest.param("e\u0301" * (SIZE // 2), id="combining"),
        pytest.param("<" * SIZE, id="opening signs"),
        pytest.param("<a " * (SIZE // 3), id="open tags"),
        pytest.param("<!--" * (SIZE // 4), id="open comments"),
        pytest.param("&amp" * (SIZE // 4), id="entities"),
    ],
)
def test_200_kb_of_the_worst_texts_are_bounded(stages, stage, text):
    began = time.process_time()
    stages[stage](text)
    assert time.process_time() - began <= ALLOWED


# --- N2: what a workspace may lay over the lexicon is phrases, never patterns or code


def overlay(folder: Path, text: str) -> Path:
    (folder / "technologies.csv").write_text(text, encoding="utf-8")
    return folder


def test_a_phrase_that_looks_like_a_catastrophic_pattern_is_only_a_phrase(tmp_path):
    folder = overlay(tmp_path, "phrase,lang,id,strength\n(a+)+$,en,drones,strong\n")
    lexicon = Lexicon.load(folder)
    began = time.process_time()
    hits = lexicon.find("a" * 5_000 + "! and (a+)+$ itself")
    assert time.process_time() - began < 0.5
    assert any(hit.entry.phrase == "(a+)+$" for hit in hits)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        pytest.param("phrase,lang,id,strength\nx camera,en,nonsense,strong\n", "technologies.csv:2", id="unknown id"),
        pytest.param("phrase,lang,id,strength\nx camera,en\n", "technologies.csv:2", id="too few cells"),
        pytest.param("phrase,lang\nx,en\n", "no column", id="columns are missing"),
        pytest.param('phrase,lang,id,strength\n"x,en,drones,strong\n', "technologies.csv", id="an open quote"),
    ],
)
def test_a_wrong_row_ends_the_load_with_its_line(tmp_path, rows, told):
    with pytest.raises(LexiconError, match=told):
        Lexicon.load(overlay(tmp_path, rows))


def test_settings_are_toml_and_a_python_tag_is_a_fault_not_code(tmp_path):
    (tmp_path / "watchledger.toml").write_text("!!python/object/apply:os.system ['touch owned']\n")
    with pytest.raises(ConfigError, match=r"watchledger\.toml"):
        read_workspace(tmp_path / "w.db", tmp_path)
    assert not (tmp_path / "owned").exists()


# --- N3: a model that is missing, of another version, or something else


class Bomb:
    """Says when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(ModelError, match="no usable trained model"):
        Scorer(tmp_path / "encoder")


def test_a_model_of_another_version_is_named(tmp_path):
    (tmp_path / "settings.json").write_text('{"format": 0, "features": []}')
    with pytest.raises(ModelError, match="another version"):
        Scorer(tmp_path)


def test_a_pickle_in_place_of_a_model_is_never_loaded(tmp_path):
    (tmp_path / "settings.json").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelError):
        Scorer(tmp_path)
    from extract.trees import load_trees

    (tmp_path / "trees.npz").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelError):
        load_trees(tmp_path / "trees.npz")
