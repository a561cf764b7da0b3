"""Extractors of others, each run by the interpreter of its own environment: bench/.venvs/NAME/bin/python.

Make one with, for example: python3 -m venv bench/.venvs/goose3 && bench/.venvs/goose3/bin/pip install goose3
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

VENVS = Path(__file__).parent / ".venvs"
PATIENCE = 1800

# What each environment runs on one page; none may ask the network.
_EXTRACT = {
    "newspaper4k": """
import newspaper
config = newspaper.Config(); config.fetch_images = False
def extract(html):
    article = newspaper.Article(url='http://example.org/', config=config)
    article.download(input_html=html); article.parse()
    article.title, article.publish_date, article.authors
    return article.text
""",
    "newsplease": """
from newsplease import NewsPlease
def extract(html):
    article = NewsPlease.from_html(html, url=None, fetch_images=False)
    return article.maintext or ''
""",
    "readability": """
from readability import Document
from lxml import html as lh
def extract(html):
    document = Document(html); document.title()
    return lh.fromstring(document.summary()).text_content()
""",
    "goose3": """
from goose3 import Goose
goose = Goose({'enable_image_fetching': False})
def extract(html):
    article = goose.extract(raw_html=html)
    return article.cleaned_text or ''
""",
}

_LOOP = """
import base64, json, logging, socket, sys, time
logging.disable(logging.CRITICAL)
def refuse(*_, **__): raise OSError('no network here')
socket.getaddrinfo = refuse
pages = [base64.b64decode(line) for line in sys.stdin]
texts, errors, seconds = [], 0, 0.0
try: extract(pages[0].decode('utf-8', 'replace'))
except Exception: pass
for page in pages:
    html = page.decode('utf-8', 'replace')
    began = time.process_time()
    try: text = extract(html)
    except Exception: text, errors = '', errors + 1
    seconds += time.process_time() - began
    texts.append(text)
sys.__stdout__.write(json.dumps({'texts': texts, 'errors': errors, 'seconds': seconds}))
"""


def run_peer(name: str, pages: list[bytes]) -> dict[str, Any] | None:
    """The texts that a peer finds, its errors and its seconds; None, with a line told, where it is not there."""
    python = VENVS / name / "bin" / "python"
    if not python.exists():
        print(f"ABSENT {name}: make bench/.venvs/{name} (bench/peers.py says how)", file=sys.stderr)
        return None
    done = subprocess.run(
        [str(python), "-c", _EXTRACT[name] + _LOOP],
        input="\n".join(base64.b64encode(page).decode() for page in pages),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        print(f"FAILED {name}: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    told: dict[str, Any] = json.loads(done.stdout[done.stdout.index('{"texts"') :])
    return told
