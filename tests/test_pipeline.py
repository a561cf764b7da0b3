"""The command line's table of commands."""

from __future__ import annotations

import click
import pytest

from pipeline import COMMANDS, main


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_of_a_command_what_the_command_says_of_itself(name):
    command = main.get_command(click.Context(main), name)
    assert isinstance(command, click.Command)
    said = (command.help or "").split("\n\n")[0].replace("\n", " ")
    assert said.startswith(COMMANDS[name][1].rstrip("."))


def test_an_unknown_command_is_a_usage_error():
    from click.testing import CliRunner

    result = CliRunner().invoke(main, ["fetch"])
    assert result.exit_code == 2
    assert "No such command" in result.output
