"""What the server says to requests that no SDK would send: no key, wrong doors, broken messages."""

import http.client
import json
import time
import urllib.parse
from typing import Any, NamedTuple

import pytest

from program import Demo

# Longest wait for one answer.
LIMIT_S = 15
MODERN = "2026-07-28"


class Answer(NamedTuple):
    """A response: its headers in lower case, its body as JSON where it is JSON."""

    status: int
    headers: dict[str, str]
    body: Any


def send(demo: Demo, body: Any = None, method: str = "POST", path: str = "/mcp", **headers: str | None) -> Answer:
    """One request with the demo's key; a header given as None is left out."""
    sent = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "authorization": f"Bearer {demo.key}",
    }
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    address = urllib.parse.urlsplit(demo.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=LIMIT_S)
    try:
        connection.putrequest(method, path, skip_host="host" in sent, skip_accept_encoding=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        connection.putheader("content-length", str(len(data or b"")))
        connection.endheaders(data)
        response = connection.getresponse()
        text = response.read()
        told = {name.lower(): value for name, value in response.getheaders()}
        is_json = told.get("content-type", "").startswith("application/json")
        return Answer(response.status, told, json.loads(text) if is_json else text.decode())
    finally:
        connection.close()


def request(method: str, version: str | None = MODERN, **params: Any) -> dict[str, Any]:
    """A JSON-RPC request; of 2026-07-28 unless another version, or none, is asked for."""
    if version:
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientInfo": {"name": "doors", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def modern(method: str, name: str | None = None, version: str = MODERN) -> dict[str, str | None]:
    """The headers that go with such a request."""
    return {"mcp_protocol_version": version, "mcp_method": method, "mcp_name": name}


LIST = request("tools/list")
LIST_HEADERS = modern("tools/list")


def test_a_right_request_is_answered(demo: Demo):
    """Or the refusals below would show nothing."""
    answer = send(demo, LIST, **LIST_HEADERS)
    assert answer.status == 200 and len(answer.body["result"]["tools"]) == 6, answer
    result = answer.body["result"]
    assert result["resultType"] == "complete" and result["cacheScope"] == "private" and result["ttlMs"] > 0, result


def test_no_key_is_told_how_to_authenticate(demo: Demo):
    answer = send(demo, LIST, authorization=None, **LIST_HEADERS)
    assert answer.status == 401 and answer.headers["www-authenticate"].startswith("Bearer "), answer
    # RFC 6750, section 3.1: no error code where nothing was presented.
    assert "error=" not in answer.headers["www-authenticate"]


@pytest.mark.parametrize("key", ["tk_wrong", "tk_" + "0" * 60, "", "ключ".encode().decode("latin-1")])
def test_a_wrong_key_is_refused(demo: Demo, key: str):
    answer = send(demo, LIST, authorization=f"Bearer {key}", **LIST_HEADERS)
    assert answer.status == 401 and "www-authenticate" in answer.headers, answer


def test_a_key_that_is_nearly_right_is_refused(demo: Demo):
    last = "a" if demo.key[-1] != "a" else "b"
    answer = send(demo, LIST, authorization=f"Bearer {demo.key[:-1]}{last}", **LIST_HEADERS)
    assert answer.status == 401 and 'error="invalid_token"' in answer.headers["www-authenticate"], answer


def test_a_key_in_the_address_does_not_count(demo: Demo):
    answer = send(demo, LIST, path=f"/mcp?key={demo.key}", authorization=None, **LIST_HEADERS)
    assert 400 <= answer.status < 500, answer
    assert "result" not in answer.body


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example"])
def test_a_web_page_of_somebody_else_is_refused(demo: Demo, origin: str):
    assert send(demo, LIST, origin=origin, **LIST_HEADERS).status == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example"])
def test_a_name_of_somebody_else_is_refused(demo: Demo, host: str):
    assert send(demo, LIST, host=host, **LIST_HEADERS).status == 403


def test_the_key_is_asked_for_before_anything_else(demo: Demo):
    """A stranger learns nothing of which connectors there are."""
    for path in ("/mcp", "/mcp/pagerduty", "/mcp/nothing"):
        assert send(demo, LIST, path=path, authorization=None, **LIST_HEADERS).status == 401, path
    assert send(demo, LIST, path="/mcp/nothing", **LIST_HEADERS).status == 404


def test_what_is_not_json_is_a_parse_error(demo: Demo):
    answer = send(demo, b'{"jsonrpc": "2.0", ', **LIST_HEADERS)
    assert answer.status == 400 and answer.body["error"]["code"] == -32700, answer


@pytest.mark.parametrize("body", [[], {}, [LIST], {"jsonrpc": "1.0", "id": 1, "method": "tools/list"}, 7, "x"])
def test_json_that_is_no_request_is_an_invalid_request(demo: Demo, body: Any):
    answer = send(demo, body, **LIST_HEADERS)
    assert answer.status == 400 and answer.body["error"]["code"] in (-32600, -32020), answer


def test_a_method_that_is_not_there(demo: Demo):
    answer = send(demo, request("tools/destroy"), **modern("tools/destroy"))
    assert answer.status == 404 and answer.body["error"]["code"] == -32601, answer


def test_a_version_that_is_not_spoken_is_answered_with_those_that_are(demo: Demo):
    answer = send(demo, request("tools/list", "2099-01-01"), **modern("tools/list", version="2099-01-01"))
    assert answer.status == 400 and answer.body["error"]["code"] == -32022, answer
    assert MODERN in answer.body["error"]["data"]["supported"], answer


@pytest.mark.parametrize(
    "headers",
    [
        modern("tools/call", "pagerduty_services_list", version="2025-11-25"),
        modern("tools/list"),
        modern("tools/call", "pagerduty_incident_create"),
    ],
    ids=["version", "method", "name"],
)
def test_headers_that_say_something_else_than_the_body(demo: Demo, headers: dict[str, str | None]):
    """A proxy that decides by headers must not be led past by another body."""
    call = request("tools/call", name="pagerduty_services_list", arguments={})
    answer = send(demo, call, **headers)
    assert answer.status == 400 and answer.body["error"]["code"] == -32020, answer


def test_arguments_that_are_no_object(demo: Demo):
    call = request("tools/call", name="pagerduty_services_list", arguments=["limit", 1])
    answer = send(demo, call, **modern("tools/call", "pagerduty_services_list"))
    assert answer.body["error"]["code"] == -32602, answer


def test_arguments_that_are_too_large(demo: Demo):
    arguments = {"query": "x" * (300 << 10)}
    call = request("tools/call", name="pagerduty_services_list", arguments=arguments)
    answer = send(demo, call, **modern("tools/call", "pagerduty_services_list"))
    assert answer.status == 200 and answer.body["result"]["isError"] is True, answer
    assert answer.body["result"]["content"][0]["text"].startswith("arguments_too_large"), answer


def test_a_request_that_is_too_large(demo: Demo):
    assert send(demo, b" " * ((1 << 20) + 1), **LIST_HEADERS).status == 413


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_only_post_is_spoken(demo: Demo, method: str):
    """There are no sessions to listen to or to delete."""
    assert send(demo, method=method, **LIST_HEADERS).status == 405


def test_health_says_nothing_but_that_it_is_there(demo: Demo):
    answer = send(demo, method="GET", path="/healthz", authorization=None)
    assert (answer.status, answer.body) == (200, "ok\n")


def test_a_refusal_arrives_although_the_body_comes_late(demo):
    """And the connection is good for another request: a client that keeps it must not be cut off."""
    address = urllib.parse.urlsplit(demo.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=LIMIT_S)
    try:
        for _ in range(20):
            connection.putrequest("POST", "/mcp")
            connection.putheader("content-type", "application/json")
            connection.putheader("content-length", "2")
            connection.endheaders()
            # Long enough for a server that does not wait to have answered and closed.
            time.sleep(0.02)
            connection.send(b"{}")
            response = connection.getresponse()
            assert response.status == 401
            assert json.loads(response.read())["error"]["code"] == "key_missing"
    finally:
        connection.close()
