"""All attacks, as one list."""

from adversary import (
    channel,
    escape,
    events,
    files,
    interfaces,
    kernel,
    leaks,
    neighbours,
    network,
    pipes,
    privileges,
    processes,
    races,
    remains,
    resources,
    sockets,
    starts,
    tables,
)
from adversary.case import Case, cases_of

THEMES = (
    *(escape, interfaces, starts, kernel, privileges, sockets, processes, files, races, remains),
    *(leaks, network, channel, events, pipes, resources, tables, neighbours),
)
CASES: list[Case] = [case for theme in THEMES for case in cases_of(theme)]
