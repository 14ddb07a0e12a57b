"""What an agent is told when PagerDuty misbehaves, and what PagerDuty is sent."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from sdk import Sdk, over_http
from talk import LIMIT_S, answer, plainly, refusal

# More bytes than the host takes of one answer.
GIGANTIC_BYTES = 64 << 20


class Control:
    """The simulator's control surface."""

    def __init__(self, url: str):
        self.url = f"{url}/_simulator"

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/{path}", data, {"content-type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=LIMIT_S) as response:
            return json.load(response)

    def fault(self, method: str, path_prefix: str, **fault: Any) -> None:
        self.ask("POST", "faults", {"method": method, "path_prefix": path_prefix, "times": 9, **fault})

    def requests(self, method: str) -> list[dict[str, Any]]:
        return [request for request in self.ask("GET", "requests")["requests"] if request["method"] == method]


@pytest.fixture
def control(demo) -> Iterator[Control]:
    control = Control(demo.simulator)
    control.ask("DELETE", "requests")
    yield control
    control.ask("DELETE", "faults")


def connected(demo, recorder):
    return plainly(over_http(recorder.url, demo.key, "2026-07-28"))


FAULTS = {
    "the credential is refused": ({"kind": "status", "status": 401}, "unauthenticated"),
    "the role forbids it": ({"kind": "status", "status": 403}, "forbidden"),
    "the rate is limited": ({"kind": "status", "status": 429}, "rate_limited"),
    "the rate is limited, without a word": ({"kind": "status", "status": 429, "bare": True}, "rate_limited"),
    "it is down": ({"kind": "status", "status": 503}, "unavailable"),
    "a page instead of an answer": ({"kind": "html", "status": 200}, "unavailable"),
    "no JSON": ({"kind": "invalid_json"}, "unavailable"),
    "the answer breaks off": ({"kind": "cut_off", "after_bytes": 200}, "unavailable"),
    "the answer does not end": ({"kind": "gigantic", "bytes": GIGANTIC_BYTES}, "tool_failed"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_is_a_result_with_a_code_and_advice(demo, recorder, control, name):
    fault, code = FAULTS[name]
    control.fault("GET", "/incidents", **fault)
    with anyio.fail_after(LIMIT_S):
        async with connected(demo, recorder) as client:
            text = await refusal(client, "pagerduty_incidents_list", {"status": "open"})
    assert text.startswith(f"{code}: "), text
    assert len(text) > len(code) + 20, f"no advice: {text}"


async def create(client: Sdk) -> str:
    services = await answer(client, "pagerduty_services_list", limit=1)
    new = {"title": "Written once", "service": services["services"][0]["id"], "urgency": "low"}
    return await refusal(client, "pagerduty_incident_create", new)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "fault",
    [{"kind": "status", "status": 500}, {"kind": "status", "status": 429}, {"kind": "cut_off", "after_bytes": 20}],
    ids=["failed", "limited", "broken off"],
)
async def test_a_write_is_never_repeated_by_itself(demo, recorder, control, fault):
    control.fault("POST", "/incidents", **fault)
    with anyio.fail_after(LIMIT_S):
        async with connected(demo, recorder) as client:
            text = await create(client)
    assert len(control.requests("POST")) == 1, text


@pytest.mark.anyio
async def test_pagerduty_is_asked_as_the_user_and_by_nobody_else(demo, recorder, control):
    with anyio.fail_after(LIMIT_S):
        async with connected(demo, recorder) as client:
            services = await answer(client, "pagerduty_services_list", limit=1)
            new = {"title": "Sent as a person", "service": services["services"][0]["id"], "urgency": "low"}
            created = await answer(client, "pagerduty_incident_create", **new, from_email="somebody@else.example")
            await answer(client, "pagerduty_incident_resolve", incident=created["incident"]["id"], note="sent")
    written = control.requests("POST") + control.requests("PUT")
    assert len(written) == 3, [request["path"] for request in written]
    for request in written + control.requests("GET"):
        headers = {name.lower(): value for name, value in dict(request["headers"]).items()}
        assert headers["authorization"].startswith("Bearer"), headers
        assert demo.key not in json.dumps(request), "the agent's key went upstream"
        assert "cookie" not in headers and "traceparent" not in headers, headers
    for request in written:
        headers = {name.lower(): value for name, value in dict(request["headers"]).items()}
        assert headers["from"] == "k.moore@harbourandfinch.example", headers
        assert "somebody@else.example" not in request["body"]
