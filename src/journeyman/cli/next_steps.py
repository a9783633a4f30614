"""What to try after the demo: the same by hand, against a server that stays."""

import shlex
import shutil
import sys
from pathlib import Path

from journeyman.app.data_dir import first_key
from journeyman.config import Settings

_TEXT = """
Now a server that stays:

  {command} serve

and in another terminal:

  export ANTHROPIC_BASE_URL={url}
  export ANTHROPIC_API_KEY="$(cat {key})"

  curl "$ANTHROPIC_BASE_URL/v1/agents" -H "x-api-key: $ANTHROPIC_API_KEY" \\
    -H "anthropic-version: 2023-06-01" -H "anthropic-beta: managed-agents-2026-04-01" \\
    -H "content-type: application/json" \\
    -d '{{"name": "Coder", "model": "demo", "tools": [{{"type": "agent_toolset_20260401"}}]}}'

or with the official SDK (pip install anthropic):

  from anthropic import Anthropic

  client = Anthropic()
  agent = client.beta.agents.create(name="Coder", model="demo", tools=[{{"type": "agent_toolset_20260401"}}])
  environment = client.beta.environments.create(name="Plain")
  session = client.beta.sessions.create(agent=agent.id, environment_id=environment.id)

README.md goes on from there. Straight in the terminal: {command} run "TASK"
"""


def next_steps(settings: Settings) -> str:
    """With the address and the key of the server that these settings would start."""
    host, port = settings.server.host, settings.server.port
    return _TEXT.format(command=_command(), url=f"http://{host}:{port}", key=shlex.quote(str(first_key(settings))))


def _command() -> str:
    """How this program was called, as short as it can be said here."""
    called = Path.cwd() / sys.argv[0]
    if shutil.which(called.name) == str(called):
        return called.name
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)
