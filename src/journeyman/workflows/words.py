"""The words of the language that are not Python's own, and those of Python's that it has."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


AGENT = "agent"
PARALLEL = "parallel"
PHASE = "phase"
LOG = "log"
JSON = "json"

RESERVED = frozenset((AGENT, PARALLEL, PHASE, LOG, JSON))
"""They cannot be given another meaning: what a plan declares is found by them."""

FUNCTIONS = _words(
    "abs all any bool chr dict divmod enumerate filter float format int isinstance iter len list map max min "
    "next ord pow print range repr reversed round set sorted str sum tuple zip"
)

EXCEPTIONS = _words(
    "AgentError ArithmeticError AssertionError AttributeError Exception IndexError KeyError LookupError "
    "NameError NotImplementedError OverflowError RuntimeError StopIteration TypeError ValueError "
    "ZeroDivisionError"
)

NAMES = RESERVED | FUNCTIONS | EXCEPTIONS

TEXT_METHODS = _words(
    "capitalize casefold center count endswith expandtabs find format index isalnum isalpha isascii isdecimal "
    "isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip "
    "partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines "
    "startswith strip swapcase title upper zfill"
)
LIST_METHODS = frozenset(
    "append clear copy count extend index insert pop remove reverse sort".split()  # noqa: SIM905
)
DICT_METHODS = frozenset(
    "clear copy fromkeys get items keys pop popitem setdefault update values".split()  # noqa: SIM905
)
SET_METHODS = _words(
    "add clear copy difference discard intersection isdisjoint issubset issuperset remove symmetric_difference "
    "union update"
)
JSON_METHODS = frozenset(("dumps", "loads"))
EXCEPTION_FIELDS = frozenset(("args",))

ATTRIBUTES = TEXT_METHODS | LIST_METHODS | DICT_METHODS | SET_METHODS | JSON_METHODS | EXCEPTION_FIELDS

INSTEAD = {
    "__name__": "a plan is not a module: call the function itself",
    "breakpoint": "there is no debugger; use log()",
    "bytes": "there are no bytes; use str",
    "compile": "code cannot be made at run time",
    "dir": "use isinstance() or dict keys",
    "eval": "code cannot be made at run time; json.loads() reads data",
    "exec": "code cannot be made at run time",
    "frozenset": "use tuple(sorted(...)) or set()",
    "getattr": 'use x["key"] or x.get("key")',
    "globals": "use a dict of your own",
    "hasattr": 'use "key" in x',
    "hash": "hash() differs from run to run",
    "id": "id() differs from run to run; compare with ==",
    "input": "a plan cannot ask a person; let an agent do it",
    "locals": "use a dict of your own",
    "object": "use a dict",
    "open": "a plan has no files; let an agent read and write them",
    "setattr": 'use x["key"] = value',
    "super": "there are no classes; use functions and dicts",
    "type": "use isinstance(x, str)",
    "vars": "use a dict of your own",
}
"""What to do without some names that Python has."""

MODULES = {
    "asyncio": "agent() waits by itself, and parallel() runs agents at the same time",
    "collections": "use dict, list and set",
    "concurrent": "use parallel()",
    "datetime": "a plan has no clock; let an agent tell the time, or put it into the plan",
    "functools": "use a loop",
    "itertools": "use loops and comprehensions",
    "json": "json.loads and json.dumps are there without importing",
    "math": "use arithmetic, round(), min(), max()",
    "os": "a plan has no files or processes; let an agent use its tools",
    "random": "a plan has no randomness, so that it can be run again; let an agent choose",
    "re": "use the methods of str, or ask the agent for JSON by a schema",
    "requests": "a plan has no network; let an agent fetch it",
    "subprocess": "a plan has no processes; let an agent use its tools",
    "time": "a plan has no clock",
    "typing": "annotations need no imports; they are ignored",
}
