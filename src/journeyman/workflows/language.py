"""The plan language as a model is told of it, in the definition of the tool that starts a run."""

EXAMPLE = """\
with phase("Plan", "Decide what to look into"):
    topics = agent(
        "planner",
        "List up to five questions that decide which database we should use.",
        schema={"type": "array", "items": {"type": "string"}},
    )

def look_into(topic):
    draft = agent("researcher", f"Find out: {topic}")
    try:
        return agent({"name": "critic", "system": "You check facts."}, f"Correct this:\\n{draft}")
    except AgentError as error:
        log(f"nobody checked {topic}: {error}")
        return draft

with phase("Research"):
    answers = parallel(look_into, topics)

with phase("Report"):
    return agent("writer", "Write one page from these notes:\\n" + "\\n\\n".join(answers))
"""

DESCRIPTION = f"""\
A plan is a program in a subset of Python. It calls agents, and what they answer decides how it goes on.

- `agent(agent, task, schema=None)` lets an agent do a task and waits for its result, a str; with `schema`, a JSON schema, \
the result is data of that shape. The agent is the name of a predefined one, or a dict that defines one: \
{{"name": …, "system": …, "model": …}}. It sees nothing but the task, so put all that it needs into it. When it fails, \
AgentError is raised.
- `parallel(function, items)` calls the function for each item at the same time, `parallel([f, g])` functions without \
parameters, and gives the list of results, in order. Inside, what was made outside can be read and not changed: return values \
instead. When some fail, all the others end first, and then the first failure is raised; catch it inside the function if the \
rest should count.
- `with phase("name", "description"):` names a part of the work for those who watch. Both are written out; the description may \
be left out.
- `log(value, …)` says something to those who watch.
- `return value` at the end gives the run's result: text or other JSON data.

Of Python there is: if, for, while, break, continue, def, lambda, try, raise, assert, del, global, nonlocal, comprehensions, \
generator expressions, f-strings, slices, unpacking, walrus; numbers, str, list, dict, tuple, set and range with their methods; \
abs all any bool chr dict divmod enumerate filter float format int isinstance iter len list map max min next ord pow print range \
repr reversed round set sorted str sum tuple zip; json.loads and json.dumps (not imported); the common exceptions. There are no \
imports, classes, decorators, yield, async or await, no files, network, time or randomness: agents do such things. agent, \
parallel, phase, log and json cannot be names of your own.

{EXAMPLE}"""
