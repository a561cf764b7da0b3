"""`run --every`: what a pause is, what each run is, and how the loop ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands import gather
from pipeline import main
from records import ConfigError
from store.archive import Archive

HERE = Path(__file__).parent.parent.parent
# A pause that no test waits for.
HOUR = 3600.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1m", 60.0), ("30m", 1800.0), ("6h", 21_600.0), (" 1d ", 86_400.0), ("9999d", 863_913_600.0)],
)
def test_a_pause_is_a_number_of_minutes_hours_or_days(text, seconds):
    assert gather.read_pause(text) == seconds


@pytest.mark.parametrize("text", ["", "6", "h", "0h", "-6h", "1.5h", "6 h", "6H", "30s", "6h30m", "99999d"])
def test_what_is_no_pause_is_refused_with_how_to_write_it(text):
    with pytest.raises(ConfigError, match="is no pause; write it as 30m, 6h or 1d"):
        gather.read_pause(text)


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A workspace with one source, which nobody answers for."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "watchledger.toml").write_text("contact = 'a@b.example'\nsources = 's.toml'\nshipped_sources = false\n")
    (tmp_path / "s.toml").write_text(
        "[[source]]\nid = 'gone'\npublisher = 'Gone'\ncountry = 'KE'\nlanguage = 'en'\nkind = 'feed'\n"
        "source_type = 'media'\nurl = 'http://127.0.0.1:9/feed'\nprivate_network = true\n"
    )
    return tmp_path


@pytest.fixture
def asked(monkeypatch):
    """What the loop is asked for, in place of the loop."""
    calls: list[tuple[float, list[str]]] = []
    monkeypatch.setattr(gather, "run_every", lambda pause, command: calls.append((pause, command)))
    return calls


def test_each_run_is_the_same_command_without_the_pause(workspace, asked):
    done = CliRunner().invoke(main, ["run", "--every", "6h", "--source", "gone", "--all", "--db", "x/ledger.db"])
    assert done.exit_code == 0, done.output
    [(pause, command)] = asked
    assert pause == 21_600.0
    assert command[command.index("run") :] == ["run", "--db", "x/ledger.db", "--source", "gone", "--all"]


def test_a_run_of_the_loop_takes_the_one_lock_and_no_code_of_the_workspace(workspace, asked):
    (workspace / "records.py").write_text("raise SystemExit(99)")
    assert CliRunner().invoke(main, ["run", "--every", "6h"]).exit_code == 0
    [(_, command)] = asked
    archive = Archive.open(workspace / "output" / "archive.db")
    env = os.environ | {"PYTHONPATH": str(HERE)}
    done = subprocess.run(command, cwd=workspace, env=env, capture_output=True, text=True, timeout=120, check=False)
    archive.close()
    assert done.returncode == 75, done.stderr
    assert "another run is writing" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "settings", "fault"),
    [
        (("--every", "6"), None, "is no pause"),
        (("--every", "6h", "--source", "other"), None, "no source is called 'other'"),
        (("--every", "6h"), "shipped_sources = false", "has no `contact`"),
        (("--every", "6h"), "colour = 1", "unknown key"),
    ],
)
def test_what_would_spoil_every_run_is_said_at_once(workspace, asked, arguments, settings, fault):
    if settings:
        (workspace / "watchledger.toml").write_text(settings)
    done = CliRunner().invoke(main, ["run", *arguments])
    assert (done.exit_code, len(done.output.strip().splitlines())) == (1, 1)
    assert fault in done.output
    assert asked == []


# --- the loop itself, with a run that says what it does

# os.write: a signal that comes while `print` is still at work may not print.
AT_WORK = """
import os, signal, sys, time
def told(number, _):
    os.write(1, f"told {signal.Signals(number).name}\\n".encode())
    sys.exit()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, told)
os.write(1, b"begun\\n")
while True:
    time.sleep(60)
"""


@contextmanager
def loop(pause: float, run: str) -> Iterator[subprocess.Popen[str]]:
    """The loop in a process of its own, as somebody starts it on a terminal; `run` is each run's code."""
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell ignores it for what runs in the background
        "from commands.gather import run_every\n"
        "run_every(float(sys.argv[1]), [sys.executable, '-c', sys.argv[2]])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(pause), run],
        cwd=HERE,
        env=os.environ | {"PYTHONPATH": str(HERE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_told_once_to_the_run_at_work_which_is_waited_for(number):
    with loop(HOUR, AT_WORK) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(number)
        # Both ends of the pipes are read to their end, so the run is gone too.
        assert process.communicate(timeout=60) == (f"told {number.name}\n", "")
        assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_between_two_runs_ends_the_loop_and_a_failed_run_does_not(number):
    with loop(HOUR, "raise SystemExit(7)") as process:
        assert process.stderr is not None
        assert "ended with exit status 7; the next one is tried" in process.stderr.readline()
        process.send_signal(number)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


def test_after_the_pause_it_runs_again_and_a_lock_is_no_news():
    with loop(0.0, "print('ran', flush=True); raise SystemExit(75)") as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["ran\n"] * 2
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=60)[1] == ""
        assert process.returncode == 0
