"""Rebuild the real part of the training corpus from stand-off annotation and git mirrors.

The texts belong to others and are not kept in this repository. `models/corpus/real/*.jsonl` holds where each
text stands in a public git repository (repository, commit, path, range, SHA-256) and what we annotated in it,
as offsets. `rebuild` reads the texts out of local mirrors of these repositories and writes complete gold
documents, with text and evidence strings, to a file that must stay out of git:

    python -m extract.train.rebuild_real models/corpus/real MIRRORS output/corpus_real.jsonl

MIRRORS holds one git directory or clone a repository, named `owner+name` (or `owner+name/repo`).

Offsets count code points of `normalise(raw, path)`. A change in `normalise` that alters any text used breaks
the checksums, and `rebuild` says so.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from records import InputError

DOCUMENT_FIELDS = ("id", "kind", "lang", "title", "date", "text", "facts_from", "event", "source", "deals", "claims")
DEAL_FIELDS = ("vendor", "vendor_aliases", "vendor_country", "country", "technologies", "financing", "value",
               "customer", "year", "status", "alleged", "evidence")  # fmt: skip

FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.S)
UNSEEN = re.compile(r"<\?.*?\?>|<!--.*?-->|<(script|style)\b.*?</\1\s*>", re.S | re.I)
BLOCK_TAG = re.compile(
    r"</?(?:p|div|h[1-6]|li|ul|ol|dl|dt|dd|table|tr|td|th|blockquote|section|article|header|footer|figure|figcaption|hr)"
    r"\b[^<>]*>",
    re.I,
)
BREAK_TAG = re.compile(r"<br\b[^<>]*>", re.I)
TAG = re.compile(r"</?[A-Za-z][^<>]*>")
RULE = re.compile(r"[ ]*(?:[=*_~-][ ]?){3,}|[ ]*:{3,}.*|[ ]*```.*")
QUOTE_MARK = re.compile(r"^\s*(?:> ?)*")
LIST_ITEM = re.compile(r"(?:[-*+•]|\d{1,3}[.)]) ")
HEADING = re.compile(r"#{1,6} +")
IMAGE = re.compile(r"!\[[^\[\]]*\](?:\((?:[^()]|\([^()]*\))*\)|\[[^\[\]]*\])")
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\](?:\((?:[^()]|\([^()]*\))*\)|\[[^\[\]\n]*\])")
ATTRIBUTES = re.compile(r"\{[:#.][^{}]*\}|\{\w+=\"[^{}]*\}")
STRONG = re.compile(r"\*\*|__")
EMPHASIS = re.compile(r"(?<![\w*])\*(?=\S)([^*]+?)(?<=\S)\*(?![\w*])|(?<!\w)_(?=\S)([^_]+?)(?<=\S)_(?!\w)")
ESCAPED = re.compile(r"\\([\\'\"*_\[\](){}.!#>~|$@^`+-])")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")


def normalise(raw: str, path: str) -> str:
    """Return the running text of a stored file: paragraphs joined by a blank line, no markup, single spaces.

    The path decides how to read: `.json` gives its strings in file order, each line of them a paragraph; anything
    else is read as Markdown with HTML in it, where lines are unwrapped and a blank line parts paragraphs.
    """
    raw = unicodedata.normalize("NFC", raw.replace("\r\n", "\n").replace("\r", "\n"))
    if path.endswith(".json"):
        return _join(line for value in _strings(json.loads(raw)) for line in value.split("\n"))
    text = UNSEEN.sub("", FRONT_MATTER.sub("", raw))
    text = TAG.sub("", BREAK_TAG.sub("\n", BLOCK_TAG.sub("\n\n", text)))
    return _join(_without_markdown(paragraph) for paragraph in _paragraphs(html.unescape(text)))


def _strings(value: Any) -> Iterator[str]:
    """Yield the strings of a parsed JSON value, depth first, in file order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def _paragraphs(text: str) -> Iterator[str]:
    """Yield paragraphs with their lines unwrapped; headings and list items stand alone."""
    lines: list[str] = []
    for line in text.split("\n"):
        line = QUOTE_MARK.sub("", line).rstrip().removesuffix("\\").rstrip()
        starts = not line or RULE.fullmatch(line) or HEADING.match(line) or LIST_ITEM.match(line)
        if starts and lines:
            yield " ".join(lines)
            lines = []
        if line and not RULE.fullmatch(line):
            lines.append(line)
            if HEADING.match(line):
                yield lines.pop()
    yield " ".join(lines)


def _without_markdown(paragraph: str) -> str:
    """Take links, images, emphasis, heading marks and escapes out of one unwrapped paragraph."""
    paragraph = IMAGE.sub("", HEADING.sub("", paragraph, count=1))
    paragraph = ATTRIBUTES.sub("", LINK.sub(r"\1", LINK.sub(r"\1", paragraph)))
    paragraph = EMPHASIS.sub(lambda found: found[1] or found[2], STRONG.sub("", paragraph))
    return ESCAPED.sub(r"\1", paragraph)


def _join(paragraphs: Iterator[str]) -> str:
    clean = (" ".join(INVISIBLE.sub("", paragraph).split()) for paragraph in paragraphs)
    return "\n\n".join(paragraph for paragraph in clean if paragraph)


@lru_cache(maxsize=8)
def read_text(mirrors: Path, repo: str, commit: str, path: str) -> str:
    """Return the normalised text of one file at one commit, out of the mirror of its repository."""
    folder = mirrors / repo.replace("/", "+")
    folder = folder / "repo" if (folder / "repo").is_dir() else folder
    command = ["git", "-C", str(folder), "show", f"{commit}:{path}"]
    shown = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  # no shell; names from our own file
    if shown.returncode:
        why = shown.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no answer"]
        raise InputError(f"{repo} has no {commit[:12]}:{path} ({why[0]}); mirror https://github.com/{repo} as {folder}")
    return normalise(shown.stdout.decode("utf-8", "replace"), path)


def complete(stand_off: dict[str, Any], mirrors: Path) -> dict[str, Any]:
    """Return the gold document of one stand-off record, with its text and evidence read from the mirror."""
    source = stand_off["source"]
    whole = read_text(mirrors, source["repo"], source["commit"], source["path"])
    text = whole[source["start"] : source["end"]]
    if hashlib.sha256(text.encode("utf-8")).hexdigest() != source["sha256"]:
        raise InputError(
            f"{stand_off['id']}: {source['repo']}:{source['path']} gives another text than was annotated; "
            "was normalise() changed?"
        )
    deals = []
    for deal in stand_off["deals"]:
        evidence = [text[start:end] for start, end in deal["evidence_spans"]]
        deals.append({field: evidence if field == "evidence" else deal[field] for field in DEAL_FIELDS})
    filled = {**stand_off, "text": text, "deals": deals}
    return {field: filled[field] for field in DOCUMENT_FIELDS}


def rebuild(stand_off_path: Path, mirror_dir: Path, out_path: Path) -> int:
    """Write the gold documents of a stand-off file, or of all in a folder, and return how many there are."""
    files = sorted(stand_off_path.glob("*.jsonl")) if stand_off_path.is_dir() else [stand_off_path]
    records = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines() if line.strip()]
    documents = [complete(record, mirror_dir) for record in records]
    out_path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out_path.with_name(out_path.name + ".tmp")
    unfinished.write_text("".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents), "utf-8")
    unfinished.replace(out_path)
    return len(documents)


def main(arguments: list[str] | None = None) -> int:
    """Run `rebuild` from the command line; one line and exit code 1 where a text cannot be had."""
    parser = argparse.ArgumentParser(description="Rebuild the real training documents from stand-off annotation.")
    parser.add_argument("stand_off", type=Path, help="stand-off file, or folder of *.jsonl")
    parser.add_argument("mirrors", type=Path, help="folder of git mirrors named owner+name")
    parser.add_argument("out", type=Path, help="gold JSONL to write; keep it out of git")
    chosen = parser.parse_args(arguments)
    try:
        count = rebuild(chosen.stand_off, chosen.mirrors, chosen.out)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{count} documents in {chosen.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
