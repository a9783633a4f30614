"""All attacks, as one list."""

from adversary import channel, escape, files, kernel, leaks, neighbours, network, processes, resources
from adversary.case import Case, cases_of

THEMES = (escape, kernel, processes, files, leaks, network, channel, resources, neighbours)
CASES: list[Case] = [case for theme in THEMES for case in cases_of(theme)]
