"""Newcomers among busy sessions: how long a new session waits for its first answer.

    python bench/fairness.py [--busy 2000] [--newcomers 100] [--seconds-a-request 5] [--database-url URL]

Each busy session is in one long turn, a model request after the other. Figures with them, and of the same server
without them.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import run
from anthropic import AsyncAnthropic, DefaultAioHttpClient

STEPS = 60
LIMIT = 512
"""Of model requests at once, as the server has it without configuration."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, default=2000)
    parser.add_argument("--newcomers", type=int, default=100)
    parser.add_argument("--seconds-a-request", type=float, default=5)
    parser.add_argument("--database-url", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="journeyman-bench-") as scratch, run.fake_model() as model:
        port = run.free_port()
        _, launch = run.launch("journeyman", model, Path(scratch), port, options)
        with (Path(scratch) / "server.log").open("w") as log:
            server = subprocess.Popen([*launch.removeprefix("exec ").split()], stdout=log, stderr=log)
        try:
            run.until_healthy(f"http://127.0.0.1:{port}/health")
            print(asyncio.run(_measure(f"http://127.0.0.1:{port}", options)))
        finally:
            server.terminate()
            server.wait(60)


async def _measure(url: str, options: argparse.Namespace) -> str:
    async with AsyncAnthropic(
        base_url=url, api_key=run.KEY, max_retries=0, http_client=DefaultAioHttpClient()
    ) as client:
        agent = await client.beta.agents.create(name="busy", model="claude-test")
        environment = await client.beta.environments.create(name="bench")

        async def session(text: str) -> str:
            made = await client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
            await _say(client, made.id, text)
            return made.id

        async def newcomer() -> float:
            began = time.perf_counter()
            made = await client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
            async with await client.beta.sessions.events.stream(made.id) as stream:
                await _say(client, made.id, "SCRIPT: text hello")
                async for event in stream:
                    if event.type == "agent.message":
                        return time.perf_counter() - began
            raise RuntimeError("no answer came")

        alone = [await newcomer() for _ in range(20)]
        step = f"{{ttft={options.seconds_a_request}}} tool nothing {{}}"
        script = "SCRIPT: " + " | ".join([step] * STEPS)
        for first in range(0, options.busy, 50):
            await asyncio.gather(*(session(f"{script} #id={first + n}") for n in range(min(50, options.busy - first))))
        # Until each of them has had its first request: before that they are newcomers themselves.
        await asyncio.sleep(options.seconds_a_request * (2 + options.busy / LIMIT))
        found: list[float] = []
        for _ in range(options.newcomers):
            found.append(await newcomer())
            await asyncio.sleep(0.1)
        running = [each async for each in client.beta.sessions.list(statuses=["running"], limit=100)]
    rows = [("no other session", alone), (f"{len(running)} busy sessions", found)]
    return "\n".join(
        [
            "| a newcomer's first answer | p50, s | p95, s |",
            "|---|---|---|",
            *(_row(name, values) for name, values in rows),
        ]
    )


async def _say(client: AsyncAnthropic, session_id: str, text: str) -> None:
    message = {"type": "user.message", "content": [{"type": "text", "text": text}]}
    await client.beta.sessions.events.send(session_id, events=[message])  # pyright: ignore[reportArgumentType]


def _row(name: str, seconds: Sequence[float]) -> str:
    cuts = statistics.quantiles(seconds, n=20)
    return f"| {name} | {cuts[9]:.3f} | {cuts[18]:.3f} |"


if __name__ == "__main__":
    sys.exit(main())
