"""Workflow runs: the plan that an agent writes, and the process that interprets it."""
