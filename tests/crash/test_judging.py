"""kill -9 while a call is judged."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from server import SCRIPTED

from .fleet import fresh_database
from .house import House, count, results

JUDGE = {"match": "judge", "protocol": "scripted", "options": {"script": "judge"}}
AUTO: Any = {"type": "agent_toolset_20260401", "default_config": {"permission_policy": {"type": "auto"}}}


@pytest.fixture(params=["sqlite", "postgres"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    url = fresh_database(request.getfixturevalue("postgres_url"), "judging") if request.param == "postgres" else None
    sections: dict[str, Any] = {"models": [SCRIPTED, JUDGE], "permissions": {"judge_model": "judge"}}
    house = House(tmp_path, url, **sections)
    yield house
    house.close()


@pytest.mark.ours_only
def test_killed_while_judging(house: House) -> None:
    """The request is closed as an orphan, the model asked again, the call judged again and run once."""
    with house.open():
        house.prepare()
        agent = house.client.beta.agents.create(name="judged", model="scripted", tools=[AUTO]).id
        session = house.client.beta.sessions.create(agent=agent, environment_id=house.environment).id
        house.say(
            session,
            "JUDGE: * -> {ttft=1.5} text allow\nSCRIPT: bash echo x >> count; wc -l < count | text done",
        )
        house.until_type(session, "span.model_request_start")
        time.sleep(0.5)
        assert count(house.events(session), "span.model_request_end") == 0, "the call is being judged"
        house.kill()
    with house.open():
        events = house.until_rest(session)
    ends = [event["is_error"] for event in events if event["type"] == "span.model_request_end"]
    assert ends == [True, False, False]
    [use] = [event for event in events if event["type"] == "agent.tool_use"]
    assert use["evaluation"] == {"type": "auto", "evaluated_permission": {"type": "allow"}}
    assert [text.strip() for text in results(events)] == ["1"]
