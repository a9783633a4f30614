"""What a sandbox is like, on disk: its base, the layers below its own files, its network."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson

from journeyman.sandboxes.port import Network, Spec


@dataclass(frozen=True, slots=True)
class Record:
    """`layers` are names, the topmost first."""

    spec: Spec
    layers: tuple[str, ...] = ()
    prepared: bool = False
    """Its packages are among the layers, and its base is named."""
    freezing: str | None = None
    """The layer that its own files are becoming: it counts from the moment that it is there."""

    def with_layer(self, name: str) -> "Record":
        return replace(self, layers=(name, *self.layers), freezing=None)

    def with_network(self, network: Network) -> "Record":
        return replace(self, spec=replace(self.spec, network=network))

    def with_variables(self, variables: tuple[tuple[str, str], ...]) -> "Record":
        return replace(self, spec=replace(self.spec, variables=variables))


def save(path: Path, record: Record) -> None:
    staged = path.with_suffix(".new")
    staged.write_bytes(orjson.dumps(asdict(record)))
    staged.rename(path)


def load(path: Path) -> Record:
    """The plainest sandbox where nothing is recorded."""
    try:
        fields = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return Record(Spec())
    spec = fields["spec"]
    network = spec["network"]
    return Record(
        Spec(
            base=spec["base"],
            packages=tuple((manager, tuple(names)) for manager, names in spec["packages"]),
            network=Network(network["mode"], tuple(network["hosts"]), network["registries"]),
            variables=tuple((name, value) for name, value in spec.get("variables", ())),
            shares=tuple((name, path) for name, path in spec.get("shares", ())),
        ),
        tuple(fields["layers"]),
        fields["prepared"],
        fields["freezing"],
    )
