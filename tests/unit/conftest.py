"""The command line, run in the tests' own process."""

import pytest

from helpers import cli


@pytest.fixture
def run(capsys):
    """Runs a command: its exit status, and what it prints as output and as errors."""

    def call(*arguments):
        with pytest.raises(SystemExit) as stopped:
            cli.main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return stopped.value.code, printed.out, printed.err

    return call
