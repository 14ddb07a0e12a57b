"""What any MCP client must be able to do, put to each SDK over each transport.

A suite subclasses `Conversation` and gives it two fixtures: `connect`, a function that opens a connection, and
`received`, a function that gives every byte that was received over such connections so far.
"""

import json
from collections.abc import Callable

import anyio
import pytest

from program import demo_tokens
from talk import LIMIT_S, TOOLS, Connection, RpcError, answer, refusal
from wire import leaks

# The whole list of tools, as JSON: what every conversation of an agent begins with and pays for.
TOOLS_LIST_MAX_BYTES = 8 << 10
# 25 rows.
INCIDENTS_MAX_BYTES = 7 << 10

Connect = Callable[[], Connection]


@pytest.mark.anyio
class Conversation:
    """The tests. `connect` comes from the suite."""

    async def test_lists_six_tools_in_eight_kilobytes(self, connect: Connect):
        with anyio.fail_after(LIMIT_S):
            async with connect() as client:
                listed = await client.tools()
                again = await client.tools()
        assert sorted(tool["name"] for tool in listed["tools"]) == TOOLS
        assert [tool["name"] for tool in listed["tools"]] == [tool["name"] for tool in again["tools"]]
        size = len(json.dumps(listed, separators=(",", ":"), ensure_ascii=False).encode())
        assert size <= TOOLS_LIST_MAX_BYTES, f"{size} bytes"
        for tool in listed["tools"]:
            assert tool["title"] and tool["description"] and tool["inputSchema"]["type"] == "object", tool
            reads = tool["name"] not in ("pagerduty_incident_create", "pagerduty_incident_resolve")
            assert tool["annotations"]["readOnlyHint"] is reads, tool

    async def test_says_who_it_is(self, connect: Connect):
        with anyio.fail_after(LIMIT_S):
            async with connect() as client:
                listed = await client.tools()
                # Without a handshake, every result says it.
                server = client.server or listed["_meta"]["io.modelcontextprotocol/serverInfo"]
                assert server["name"] == "toolkeep" and server["version"], server

    async def test_the_reading_tools_answer(self, connect: Connect):
        with anyio.fail_after(LIMIT_S):
            async with connect() as client:
                incidents = await answer(client, "pagerduty_incidents_list", status="open", limit=100)
                assert incidents["complete"] is True and incidents["shown"] == incidents["count"] > 0, incidents
                assert all(row["status"] in ("triggered", "acknowledged") for row in incidents["incidents"])
                row = incidents["incidents"][0]
                assert {"number", "id", "title", "urgency", "service"} <= row.keys(), row

                by_number = await answer(client, "pagerduty_incident_get", incident=row["number"])
                by_id = await answer(client, "pagerduty_incident_get", incident=row["id"])
                assert by_number["incident"]["id"] == by_id["incident"]["id"] == row["id"]
                assert by_number["timeline"], by_number

                services = await answer(client, "pagerduty_services_list", status="open")
                assert row["service"] in [service["name"] for service in services["services"]], services
                oncalls = await answer(client, "pagerduty_oncalls_list", service=row["service"])
                assert oncalls["shown"] > 0 and oncalls["oncalls"][0]["user"], oncalls

    async def test_twenty_five_incidents_are_seven_kilobytes(self, connect: Connect):
        with anyio.fail_after(LIMIT_S):
            async with connect() as client:
                result = await client.call("pagerduty_incidents_list", {"limit": 25})
        assert result["structuredContent"]["shown"] == 25, result
        # Once as data and once as text: the text is what most models are given.
        [block] = result["content"]
        assert json.loads(block["text"]) == result["structuredContent"]
        assert len(block["text"].encode()) <= INCIDENTS_MAX_BYTES, f"{len(block['text'].encode())} bytes"

    async def test_an_incident_from_its_beginning_to_its_end(self, connect: Connect):
        with anyio.fail_after(LIMIT_S):
            async with connect() as client:
                services = await answer(client, "pagerduty_services_list", limit=1)
                service = services["services"][0]["name"]
                created = await answer(
                    client,
                    "pagerduty_incident_create",
                    title="Checkout answers slowly",
                    service=service,
                    urgency="low",
                    details="p99 is 4 s",
                )
                assert created["created"] is True, created
                number = created["incident"]["number"]
                open_now = await answer(client, "pagerduty_incidents_list", status="triggered", service=service)
                assert number in [row["number"] for row in open_now["incidents"]], open_now

                resolved = await answer(
                    client, "pagerduty_incident_resolve", incident=number, note="A cache was cold. ☕ It is warm."
                )
                assert resolved["resolved"] and resolved["note_added"] and not resolved["already_resolved"], resolved
                after = await answer(client, "pagerduty_incident_get", incident=number)
                assert after["incident"]["status"] == "resolved", after
                assert after["notes"][-1]["text"] == "A cache was cold. ☕ It is warm.", after

                once_more = await answer(client, "pagerduty_incident_resolve", incident=number)
                assert once_more["already_resolved"] is True, once_more

    async def test_every_wrong_argument_is_named_at_once(self, connect: Connect):
        wrong = {"limit": "many", "min_open_minutes": -1, "colour": "red"}
        with anyio.fail_after(LIMIT_S):
            async with connect() as client:
                text = await refusal(client, "pagerduty_incidents_list", wrong)
        assert text.startswith("invalid_arguments"), text
        for name in wrong:
            assert name in text, f"{name} is not named in: {text}"

    async def test_what_cannot_be_found_is_a_result_and_not_a_failure(self, connect: Connect):
        with anyio.fail_after(LIMIT_S):
            async with connect() as client:
                missing = await refusal(client, "pagerduty_incident_get", {"incident": 99_999_999})
                assert missing.startswith("not_found"), missing
                unclear = await refusal(
                    client, "pagerduty_incident_create", {"title": "x", "service": "no such service"}
                )
                assert "no such service" in unclear, unclear

    async def test_an_unknown_tool_is_a_protocol_error(self, connect: Connect):
        with anyio.fail_after(LIMIT_S):
            async with connect() as client:
                with pytest.raises(RpcError) as caught:
                    await client.call("pagerduty_everything_delete", {})
        assert caught.value.code == -32602, caught.value
        assert "pagerduty_everything_delete" in caught.value.message

    async def test_prompts_can_be_listed_and_filled_in(self, connect: Connect):
        with anyio.fail_after(LIMIT_S):
            async with connect() as client:
                listed = await client.prompts()
                names = [prompt["name"] for prompt in listed["prompts"]]
                assert "pagerduty_resolve_with_note" in names and len(names) == len(set(names)) >= 9, names
                filled = await client.prompt(
                    "pagerduty_resolve_with_note", {"incident": "4201", "note": "cache {incident}"}
                )
                text = filled["messages"][0]["content"]["text"]
                assert "4201" in text and "cache {incident}" in text, f"a value is not a template: {text}"
                with pytest.raises(RpcError) as caught:
                    await client.prompt("pagerduty_resolve_with_note", {"incident": "4201"})
                assert caught.value.code == -32602 and "note" in caught.value.message, caught.value
                with pytest.raises(RpcError) as caught:
                    await client.prompt("pagerduty_no_such_prompt", {})
                assert caught.value.code == -32602, caught.value

    async def test_long_work_reports_how_far_it_is(self, connect: Connect):
        reports: list[tuple[float, float | None, str | None]] = []

        async def note(done: float, total: float | None, message: str | None) -> None:
            reports.append((done, total, message))

        with anyio.fail_after(LIMIT_S):
            async with connect() as client:
                arguments = {"status": "resolved", "max_resolution_minutes": 30, "period": "last_30_days"}
                result = await client.call("pagerduty_incidents_list", arguments, progress=note)
        assert not result.get("isError"), result
        assert reports, "a call that reads several pages reported nothing"
        assert [done for done, *_ in reports] == sorted({done for done, *_ in reports}), reports
        assert "PagerDuty" in (reports[0][2] or ""), reports

    async def test_many_calls_at_once_get_their_own_answers(self, connect: Connect):
        answers: dict[int, int] = {}
        with anyio.fail_after(LIMIT_S):
            async with connect() as client:
                rows = (await answer(client, "pagerduty_incidents_list", limit=16))["incidents"]

                async def ask(number: int) -> None:
                    told = await answer(client, "pagerduty_incident_get", incident=number)
                    answers[number] = told["incident"]["number"]

                async with anyio.create_task_group() as group:
                    for row in rows:
                        group.start_soon(ask, row["number"])
        assert len(answers) == 16 and all(asked == told for asked, told in answers.items()), answers

    async def test_no_credential_is_ever_received(self, connect: Connect, received: Callable[[], bytes]):
        with anyio.fail_after(LIMIT_S):
            async with connect() as client:
                await client.tools()
                await client.prompts()
                row = (await answer(client, "pagerduty_incidents_list", status="open"))["incidents"][-1]
                await answer(client, "pagerduty_incident_get", incident=row["id"], full=True)
                await answer(client, "pagerduty_services_list")
                await answer(client, "pagerduty_oncalls_list")
                new = {"title": "A test of what is received", "service": row["service"], "urgency": "low"}
                created = await answer(client, "pagerduty_incident_create", **new)
                number = created["incident"]["number"]
                await answer(client, "pagerduty_incident_resolve", incident=number, note="done")
                await refusal(client, "pagerduty_incident_get", {"incident": "Authorization"})
                await refusal(client, "pagerduty_incidents_list", {"token": "Bearer"})
        seen = received()
        assert row["id"].encode() in seen and b"A test of what is received" in seen, "the record is not of this talk"
        assert leaks(seen, demo_tokens()) == []
