"""Configuration: `journeyman.toml` and JOURNEYMAN_* variables. The only reader of the environment."""

import difflib
import os
import re
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from journeyman.config.sections import (
    BlobsSection,
    DatabaseSection,
    DreamsSection,
    EgressSection,
    FilesSection,
    LimitsSection,
    LogSection,
    MetricsSection,
    ModelSection,
    OutcomesSection,
    PermissionsSection,
    RepositoriesSection,
    RetentionSection,
    RetrySection,
    SandboxSection,
    SearchSection,
    ServerSection,
    TracesSection,
    VaultsSection,
)
from journeyman.egress.addresses import AddressPolicy
from journeyman.models.registry import Route
from journeyman.runtime.settings import RuntimeSettings
from journeyman.tools.search.port import SearchSettings

_PREFIX = "JOURNEYMAN_"
# What Kubernetes gives every program beside a service named `journeyman`, and what a sandbox gives the programs in it.
_FOREIGN = re.compile(
    rf"{_PREFIX}(SERVICE_(HOST|PORT\w*)|PORT_\d+_\w+|PORT(?==\w+://)|EXEC|RUN|SHELL|WORKDIR)=.*", re.DOTALL
)


class UnknownVariable(ValueError):
    """A JOURNEYMAN_* variable that no setting has; the message names the nearest one."""


class Settings(BaseSettings):
    """Every value can come from a variable too, such as JOURNEYMAN_SERVER__PORT. Later sources yield to earlier ones:
    the command line, the environment, the file."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_nested_delimiter="__", extra="forbid")

    server: ServerSection = ServerSection()
    database: DatabaseSection = DatabaseSection()
    models: list[ModelSection] = []
    """In order; the first that matches serves a model id."""
    blobs: BlobsSection = BlobsSection()
    files: FilesSection = FilesSection()
    repositories: RepositoriesSection = RepositoriesSection()
    vaults: VaultsSection = VaultsSection()
    sandbox: SandboxSection = SandboxSection()
    egress: EgressSection = EgressSection()
    search: SearchSection = SearchSection()
    dreams: DreamsSection = DreamsSection()
    retention: RetentionSection = RetentionSection()
    permissions: PermissionsSection = PermissionsSection()
    retry: RetrySection = RetrySection()
    outcomes: OutcomesSection = OutcomesSection()
    limits: LimitsSection = LimitsSection()
    log: LogSection = LogSection()
    metrics: MetricsSection = MetricsSection()
    traces: TracesSection = TracesSection()

    def data_dir(self) -> Path:
        return self.server.data_dir.expanduser().resolve()

    def database_url(self) -> str:
        return self.database.url or f"sqlite:///{self.data_dir() / 'journeyman.db'}"

    def metrics_token(self) -> str | None:
        return _secret(self.metrics.token, self.metrics.token_env)

    def blob_keys(self) -> tuple[str | None, str | None]:
        """Access key and secret key of the blob store."""
        section = self.blobs
        return _secret(section.access_key, section.access_key_env), _secret(section.secret_key, section.secret_key_env)

    def addresses(self) -> AddressPolicy:
        """Where may be gone on behalf of models and clients."""
        return AddressPolicy.parse(self.egress.allow_private)

    def routes(self) -> list[Route]:
        """The configured models, then what the environment's keys open, then `demo`."""
        return [_route(entry) for entry in [*self.models, *_default_models()]]

    def search_settings(self) -> SearchSettings | None:
        section = self.search
        if section.provider is None:
            return None
        key = _secret(section.api_key, section.api_key_env)
        return SearchSettings(section.provider, api_key=key or "", base_url=section.base_url or "")

    def runtime_settings(self) -> RuntimeSettings:
        return RuntimeSettings(**self.retry.model_dump(), **self.outcomes.model_dump())


def load_settings(file: Path | None, overrides: Mapping[str, Any]) -> Settings:
    """Read the configuration; `overrides` come from the command line.

    Without `file`, `journeyman.toml` in the working directory counts when it is there. Raises ValueError, and
    FileNotFoundError for a file that was named and is not there.
    """
    path = file or Path("journeyman.toml")
    if file is not None and not file.is_file():
        raise FileNotFoundError(f"There is no configuration file {file}.")

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings calls it by name
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, path)

    settings = FromFile(**overrides)
    named = [entry.api_key_env for entry in [*settings.models, settings.search]]
    named += [settings.metrics.token_env, settings.blobs.access_key_env, settings.blobs.secret_key_env]
    _refuse_unknown_variables({name for name in named if name})
    return settings


def setting_names() -> list[str]:
    """Every setting, as it is named in errors: `section`, or `section.key`."""
    return [name for section, field in Settings.model_fields.items() for name in _names(section, field.annotation)]


def _names(name: str, kind: Any) -> list[str]:
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return [name]
    inner = [below for key, field in kind.model_fields.items() for below in _names(f"{name}.{key}", field.annotation)]
    return [name, *inner]


def _refuse_unknown_variables(keys: Set[str]) -> None:
    """Raises UnknownVariable: a mistyped one would else be passed over in silence. `keys` hold providers' keys."""
    known = {f"{_PREFIX}{name.replace('.', '__')}".upper() for name in setting_names()}
    for variable, value in sorted(os.environ.items()):
        name = variable.upper()
        if not name.startswith(_PREFIX) or name in known or variable in keys or _FOREIGN.fullmatch(f"{name}={value}"):
            continue
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise UnknownVariable(f"There is no setting for the variable {variable}{hint}")


def _default_models() -> list[ModelSection]:
    found = [ModelSection(match="demo", protocol="scripted")]
    if os.environ.get("ANTHROPIC_API_KEY"):
        found.append(ModelSection(match="claude-*", protocol="anthropic", api_key_env="ANTHROPIC_API_KEY"))
    if os.environ.get("OPENAI_API_KEY"):
        found.append(ModelSection(match="gpt-*", protocol="openai", api_key_env="OPENAI_API_KEY"))
    return found


def _route(entry: ModelSection) -> Route:
    return Route(
        match=entry.match,
        protocol=entry.protocol,
        base_url=entry.base_url,
        api_key=_secret(entry.api_key, entry.api_key_env),
        ids=tuple(entry.ids),
        context_window=entry.context_window,
        max_output=entry.max_output,
        options=entry.options,
        api_key_env=entry.api_key_env,
    )


def _secret(value: str | None, variable: str | None) -> str | None:
    return value or (os.environ.get(variable) if variable else None)
