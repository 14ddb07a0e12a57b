"""A person installs a connector at a terminal: the sheet, a question, and what each answer means."""

import hashlib
import json
import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest

from program import START_LIMIT_S, pagerduty, toolkeep

QUESTION = b"[y/N] "
# What the key for the end of input sends (Ctrl-D).
END_OF_INPUT = b"\x04"


class Terminal:
    """The program at a pseudo-terminal: it reads what is typed, and all that it writes is on the screen."""

    def __init__(self, command: list[str | Path]) -> None:
        self.screen = b""
        self.deadline = time.monotonic() + START_LIMIT_S
        self.master, slave = pty.openpty()
        try:
            self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave)
        finally:
            os.close(slave)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def read_until(self, text: bytes | None) -> None:
        """Reads on until the screen ends with a text, or to the end where there is none."""
        while text is None or not self.screen.endswith(text):
            wait_s = self.deadline - time.monotonic()
            ready, _, _ = select.select([self.master], [], [], max(wait_s, 0))
            assert ready, f"the program says nothing more after: {self.screen[-500:]!r}"
            try:
                more = os.read(self.master, 4096)
            except OSError:
                # Linux's way to say that nobody has the other end any more.
                more = b""
            if not more:
                assert text is None, f"the program ended after: {self.screen[-500:]!r}"
                return
            self.screen += more

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def end(self) -> int:
        """Reads the rest, and gives the exit code."""
        self.read_until(None)
        return self.process.wait(max(self.deadline - time.monotonic(), 0))


def installed(data: Path) -> list[dict]:
    command = [toolkeep(), "connector", "list", "--json", "--data", data]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_LIMIT_S, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("keys", "is_approved"),
    [
        (b"y\n", True),
        (b"yes\n", True),
        (b"n\n", False),
        (b"\n", False),
        (b"yesterday\n", False),
        (END_OF_INPUT, False),
    ],
)
def test_only_a_yes_at_the_question_approves(tmp_path: Path, keys: bytes, is_approved: bool) -> None:
    data = tmp_path / "data"
    digest = hashlib.sha256(pagerduty().read_bytes()).hexdigest()
    with Terminal([toolkeep(), "connector", "install", pagerduty(), "--data", data]) as terminal:
        terminal.read_until(QUESTION)
        question = terminal.screen.decode().splitlines()[-1]
        assert question.startswith("Approve pagerduty ") and digest in question, question
        # The question comes after what it is about.
        assert b"pagerduty_incident_resolve" in terminal.screen
        assert installed(data) == [], "nothing is approved before the answer"
        terminal.type(keys)
        code = terminal.end()
    shown = terminal.screen.decode()
    if is_approved:
        assert code == 0, shown
        [connector] = installed(data)
        assert (connector["name"], connector["digest"], connector["state"]) == ("pagerduty", digest, "ok")
    else:
        assert code == 3, shown
        assert "error[connector_not_approved]" in shown and f"--approve-digest {digest}" in shown.replace("\r\n", " ")
        assert installed(data) == []
