"""A release is whole or not there, and the same bytes from the same rows."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from followthemoney import model

from bench.generate import make_release
from publish import build
from publish.build import Plan, ReleaseStoppedError, publish
from publish.check import check_entities, check_package
from records import InputError, StoreLocked
from tests.publish.test_gate import change


def bytes_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def plan(folder, **told):
    return Plan(**{"folder": folder, "validate": False} | told)


def test_both_libraries_pass_the_release(folder):
    assert check_package(folder / "datapackage.json") == []
    assert check_entities(folder / "entities.ftm.json") == []
    for line in (folder / "entities.ftm.json").read_text(encoding="utf-8").splitlines():
        entity = json.loads(line)
        assert model.get_proxy(entity).schema.validate(entity) is None


def test_publishing_twice_gives_the_same_bytes(generated, folder, tmp_path):
    publish(make_release(120), plan(tmp_path / "again"))
    assert bytes_of(tmp_path / "again") == bytes_of(folder)


def test_checksums_are_of_every_file(folder):
    told = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    found = {name: hashlib.sha256(body).hexdigest() for name, body in bytes_of(folder).items() if name != "SHA256SUMS"}
    assert told == found
    assert subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder).returncode == 0


def test_nothing_of_the_machine_is_in_the_release(folder):
    here = (str(Path(__file__).parents[2]), str(Path.home()), tempfile.gettempdir(), str(folder))
    words = re.compile(b"|".join([re.escape(place.encode()) for place in here] + [rb"/home/", rb"root@"]))
    assert [name for name, body in bytes_of(folder).items() if words.search(body)] == []


def test_a_stopped_release_leaves_nothing_behind(generated, tmp_path):
    with pytest.raises(ReleaseStoppedError, match=r"nothing was written.*deals.country does not look as declared"):
        publish(change(generated, "deals", country="Kenya"), plan(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_what_a_library_finds_stops_the_release_too(generated, tmp_path, monkeypatch):
    monkeypatch.setattr(build.Checks, "faults", lambda checks: ["datapackage.json: something is wrong"])
    with pytest.raises(ReleaseStoppedError, match="something is wrong"):
        publish(generated, plan(tmp_path / "out", validate=True))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["write_tables", "write_copy", "write_entities", "write_page", "write_json"])
def test_a_full_disk_leaves_the_old_release_as_it_was(generated, tmp_path, monkeypatch, step):
    publish(generated, plan(tmp_path / "out"))
    before = bytes_of(tmp_path / "out")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(build, step, full)
    newer = replace(generated, about=replace(generated.about, version="2.0.0"))
    with pytest.raises(InputError, match="No space left on device; nothing was changed"):
        publish(newer, plan(tmp_path / "out", replace=True))
    assert bytes_of(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_kill_left_behind_is_taken_over(generated, tmp_path):
    left = tmp_path / ".out.part"
    (left / "csv").mkdir(parents=True)
    (left / "csv" / "stray.csv").write_text("half")
    publish(generated, plan(tmp_path / "out"))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert not (tmp_path / "out" / "csv" / "stray.csv").exists()


def test_two_runs_do_not_write_one_release_at_once(generated, tmp_path):
    (tmp_path / ".out.part").mkdir()
    handle = os.open(tmp_path / ".out.part", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(StoreLocked, match="another run is writing"):
            publish(generated, plan(tmp_path / "out"))
    finally:
        os.close(handle)


def test_another_release_is_replaced_only_when_asked(generated, tmp_path):
    publish(generated, plan(tmp_path / "out"))
    assert publish(generated, plan(tmp_path / "out")).changed is False
    newer = replace(generated, about=replace(generated.about, version="2.0.0"))
    with pytest.raises(InputError, match="holds another release: give a new folder, or --replace"):
        publish(newer, plan(tmp_path / "out"))
    assert publish(newer, plan(tmp_path / "out", replace=True)).changed
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_with_other_things_is_never_touched(generated, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds no release"):
        publish(generated, plan(tmp_path / "out", replace=True))
    assert bytes_of(tmp_path / "out") == {"thesis.txt": b"years of work"}


def test_a_version_that_was_published_with_other_content_is_refused(generated, tmp_path):
    with pytest.raises(InputError, match=r"version 1\.0\.0 was published before with other content"):
        publish(generated, plan(tmp_path / "out", noted="0" * 64))
    assert list(tmp_path.iterdir()) == []


def test_a_release_without_quotes_has_none_in_any_file(tmp_path):
    release = make_release(20, quotes=False)
    sentence = release.evidence[0].quote
    bare = replace(release, evidence=[replace(row, quote=None) for row in release.evidence])
    publish(bare, plan(tmp_path / "out"))
    assert [name for name, body in bytes_of(tmp_path / "out").items() if sentence.encode() in body] == []
    told = (tmp_path / "out" / "jsonl" / "evidence.jsonl").read_text()
    assert '"quote_start":' in told
