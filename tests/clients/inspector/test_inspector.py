"""The MCP Inspector's command line against the program: a stock client, used as its users use it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from program import Demo, demo_tokens
from talk import TOOLS
from wire import leaks

# One run starts Node and makes one request: a second.
LIMIT_S = 60


class Inspector:
    """One configured Inspector: runs a method, gives what it printed."""

    def __init__(self, home: Path, *target: str):
        self.home, self.target = home, target

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        # Its own home, so that it neither finds nor leaves a configuration.
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "NO_COLOR": "1"}
        command = [os.environ["TOOLKEEP_INSPECTOR"], "--cli", *self.target, "--stored-auth-only", *options]
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert leaks(f"{done.stdout}{done.stderr}".encode(), demo_tokens()) == []
        return done

    def ask(self, *options: str) -> dict[str, Any]:
        done = self.run(*options)
        assert done.returncode == 0, f"{options} ended with {done.returncode}: {done.stderr}{done.stdout}"
        return json.loads(done.stdout)

    def call(self, name: str, **arguments: object) -> dict[str, Any]:
        pairs = [f"{key}={value}" for key, value in arguments.items()]
        options = ["--tool-arg", *pairs] if pairs else []
        result = self.ask("--method", "tools/call", "--tool-name", name, *options)
        assert not result.get("isError"), result
        return result["structuredContent"]


def over_http(demo: Demo, home: Path, key: str, era: str) -> Inspector:
    header = ["--header", f"Authorization: Bearer {key}"]
    return Inspector(home, demo.url, "--transport", "http", *header, "--protocol-era", era)


@pytest.fixture(params=["legacy", "auto", "modern"])
def era(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def inspector(demo: Demo, tmp_path: Path, era: str) -> Inspector:
    return over_http(demo, tmp_path, demo.key, era)


def test_lists_the_six_tools_with_schemas_that_every_client_can_read(inspector: Inspector):
    """`--strict` fails on a schema that some model provider refuses."""
    listed = inspector.ask("--method", "tools/list", "--strict")
    assert sorted(tool["name"] for tool in listed["tools"]) == TOOLS


def test_calls_the_six_tools(inspector: Inspector):
    row = inspector.call("pagerduty_incidents_list", status="open", limit=1)["incidents"][0]
    assert inspector.call("pagerduty_incident_get", incident=row["number"])["incident"]["id"] == row["id"]
    service = inspector.call("pagerduty_services_list", limit=1)["services"][0]
    assert inspector.call("pagerduty_oncalls_list", service=service["id"])["shown"] > 0
    new = inspector.call("pagerduty_incident_create", title="From the Inspector", service=service["id"], urgency="low")
    number = new["incident"]["number"]
    assert inspector.call("pagerduty_incident_resolve", incident=number, note="seen")["resolved"] is True
    assert inspector.call("pagerduty_incident_get", incident=number)["incident"]["status"] == "resolved"


def test_prompts(inspector: Inspector):
    assert len(inspector.ask("--method", "prompts/list")["prompts"]) >= 9
    got = inspector.ask(
        "--method", "prompts/get", "--prompt-name", "pagerduty_incident_timeline", "--prompt-args", "incident=4201"
    )
    assert "4201" in got["messages"][0]["content"]["text"], got


def test_a_wrong_key_lists_nothing(demo: Demo, tmp_path: Path, era: str):
    done = over_http(demo, tmp_path, "tk_wrong", era).run("--method", "tools/list")
    assert done.returncode != 0 and "pagerduty" not in done.stdout, done


def test_over_standard_input_and_output(local_user, tmp_path: Path, era: str):
    # Its own options stand before `--`, the server's command behind.
    done = Inspector(tmp_path, "--protocol-era", era)
    done = done.run("--method", "tools/list", "--", *local_user.server())
    assert done.returncode == 0, done
    assert sorted(tool["name"] for tool in json.loads(done.stdout)["tools"]) == TOOLS
