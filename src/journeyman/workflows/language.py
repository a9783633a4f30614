"""The language of plans, in words for the model that writes one."""

LANGUAGE = """\
A plan is written in a small part of Python: if, for, while, try, def, lambda, comprehensions, f-strings, methods of
str, list, dict and set, and the usual built-in functions; no imports, classes, files, clock or randomness. It has:
- agent(who, task, schema=None): has an agent do a task and gives its answer, a str; with a JSON schema, parsed JSON.
  who is the name of an agent, or a dict that defines one: {"name": …, "system": …, "model": …, "tools": […]}, all
  optional. The agent knows nothing but its task. Agents share one sandbox. A failed agent raises AgentError.
- parallel(function, items), or parallel([lambda: …, …]): the results of calls side by side, in order.
- with phase("name", "what for"): marks a part of the work for those who follow it; the name is a literal.
- log(text), json.loads, json.dumps. What the plan returns is told to you.
For example:
with phase("review"):
    notes = parallel(lambda path: agent("reviewer", f"Review {path}."), ["a.py", "b.py"])
with phase("fix"):
    for note in notes:
        if "bug" in note:
            agent({"system": "You fix bugs."}, f"Fix this: {note}")
return "\\n".join(notes)
"""
