"""The search for credentials finds them: a check of the checks."""

import base64
import json
import urllib.parse

import pytest

from program import demo_tokens
from wire import leaks

TOKENS = demo_tokens()
TOKEN = TOKENS["DEMO_OAUTH_TOKEN"]


@pytest.mark.parametrize(
    "hidden",
    [
        TOKEN,
        json.dumps({"a": f"Bearer {TOKEN}"}),
        urllib.parse.quote(f"x={TOKEN}", safe=""),
        TOKEN.encode().hex(),
        *(base64.b64encode(f"{'x' * before}{TOKEN}{'y' * 5}".encode()).decode() for before in range(4)),
        *(base64.urlsafe_b64encode(f"{'x' * before}{TOKEN}~".encode()).decode() for before in range(4)),
    ],
)
def test_a_hidden_credential_is_found(hidden: str):
    assert leaks(f"before {hidden} after".encode(), TOKENS)


def test_what_only_looks_like_one_is_not():
    assert leaks(TOKEN[:-1].encode() + b'{"number": 4201}', TOKENS) == []
