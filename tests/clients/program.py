"""The program under test, started as a user starts it, and what it needs."""

import hashlib
import json
import os
import re
import subprocess
import threading
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A cold start compiles the connector; a minute is a hundred times that.
START_LIMIT_S = 60
# Nothing is running when it is told to stop.
STOP_LIMIT_S = 20
TENANT, USER = "harbour-finch", "k.moore"


def built(variable: str, default: str) -> Path:
    """A file that `cargo xtask test` builds and names in the environment."""
    path = Path(os.environ.get(variable, ROOT / default))
    assert path.is_file(), f"{path} is missing; run `cargo xtask test`, which builds it"
    return path


def toolkeep() -> Path:
    return built("TOOLKEEP_PROGRAM", "target/release/toolkeep")


def pagerduty() -> Path:
    return built("TOOLKEEP_PAGERDUTY", "target/wasm32-wasip2/guest/toolkeep_pagerduty.wasm")


def demo_tokens() -> dict[str, str]:
    """The credentials that the simulator accepts, by the names that its source gives them."""
    source = (ROOT / "tests/pagerduty-simulator/src/config.rs").read_text()
    tokens = dict(re.findall(r'pub const (\w+(?:TOKEN|API_KEY)): &str = "([^"]+)"', source))
    assert "DEMO_OAUTH_TOKEN" in tokens, tokens.keys()
    return tokens


@dataclass(frozen=True)
class Demo:
    """A running `toolkeep demo --serve`."""

    url: str
    key: str
    simulator: str


class DemoProcess:
    """Starts `toolkeep demo --serve`, and ends it by ending its standard input."""

    def __enter__(self) -> Demo:
        command = [toolkeep(), "demo", "--serve", "--json", "--exit-with-stdin", "--connector", pagerduty()]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        # A program that says nothing is ended, which ends the wait for its line.
        watch = threading.Timer(START_LIMIT_S, self.process.kill)
        watch.start()
        try:
            line = self.process.stdout.readline()
        finally:
            watch.cancel()
        if not line.startswith('{"url"'):
            self.process.kill()
            raise AssertionError(f"the demo did not start: {line or 'it said nothing'}")
        told = json.loads(line)
        return Demo(told["url"], told["key"], told["simulator"])

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        try:
            code = self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert code == 0, f"the demo ended with {code}"


@dataclass(frozen=True)
class LocalUser:
    """One user of a data directory, for `toolkeep mcp`."""

    directory: Path
    simulator: str
    user: str = USER

    def as_user(self, user: str) -> "LocalUser":
        """Somebody else of the same tenant."""
        return replace(self, user=user)

    def connect(self) -> None:
        """Approves the connector and stores the demo credential for this user, as a person would."""
        digest = hashlib.sha256(pagerduty().read_bytes()).hexdigest()
        self.run_for_all(["connector", "install", str(pagerduty()), "--approve-digest", digest])
        command = ["credential", "add", "pagerduty", "--kind", "oauth2", "--base", self.simulator]
        self.run(command, given=demo_tokens()["DEMO_OAUTH_TOKEN"])

    def options(self) -> list[str]:
        return ["--data", str(self.directory), "--upstream", self.simulator]

    def identity(self) -> list[str]:
        return ["--tenant", TENANT, "--user", self.user]

    def run(self, command: list[str], given: str = "") -> None:
        """Runs another command of the program for this user; it must work."""
        self.run_for_all([*command, *self.identity()], given)

    def run_for_all(self, command: list[str], given: str = "") -> None:
        """Runs a command that is about no user; it must work."""
        done = subprocess.run(
            [toolkeep(), *command, *self.options()],
            input=given,
            capture_output=True,
            text=True,
            timeout=START_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr}"

    def server(self) -> list[str]:
        """The command that an MCP client is configured with."""
        return [str(toolkeep()), "mcp", *self.options(), *self.identity()]
