"""Typed settings of one environment: `config/<env>.yaml`, overlaid, overridden, checked all at once.

Precedence: command-line flag, then `WKMS_<PATH>` in the environment (two underscores between keys, e.g.
`WKMS_AZURE__MYSQL__HOST`), then the file's overlay, then the file, then the default. Secrets are never values here,
only references.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from wkms_migrate.errors import ConfigError
from wkms_migrate.secret import TOKENS, Fetch, SecretRef

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PREFIX = "WKMS_"
Tls: TypeAlias = Literal["verify", "required", "off"]
Auth: TypeAlias = Literal["password", "entra", "iam"]


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values cannot change.

    What checks it is built at its first use: the whole file's holds those of all its parts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


S = TypeVar("S", bound=Section)


def part(**options: Any) -> Any:
    """Return the field of a section that is made of its defaults where the file has nothing of it."""
    return Field(default_factory=dict, validate_default=True, **options)


def token_reference(auth: str, user: str, host: str, port: int) -> str:
    """Return the reference of the token that signs this user in to this server."""
    return f"{auth}:{user}@{host}:{port}"


class MysqlServer(Section):
    """How to reach a MySQL server."""

    host: str | None = Field(
        None, description="Host name. On the AWS side: null takes the address that provision puts out."
    )
    port: int = Field(3306, ge=1, le=65535, description="TCP port.")
    user: str = Field("wkmsadmin", description="Account of the server's administrator.")
    password: SecretRef | None = Field(None, description="Reference to the password.")
    tls: Tls = Field(
        "verify", description="verify: TLS and the server's name is checked; required: TLS unchecked; off: none."
    )
    ca: Path | None = Field(None, description="CA bundle in PEM; null or `system` takes the system's.")
    auth: Auth = Field(
        "password",
        description="How to sign in: with the password, or with a token in its place, of Microsoft Entra ID (entra) or"
        " AWS IAM (iam). A token is sent as it is, so it needs tls: verify.",
    )

    @model_validator(mode="before")
    @classmethod
    def _signing_in(cls, values: Any) -> Any:
        """Let a token take the password's place; it is asked for anew for every connection."""
        if not isinstance(values, dict):
            return values
        made = values | ({"ca": None} if values.get("ca") == "system" else {})
        auth, password = made.get("auth", "password"), made.get("password")
        if auth not in TOKENS:
            if str(password).partition(":")[0] in TOKENS:
                raise ValueError(f"password {password} is no password: set auth instead")
            return made
        if password is not None:
            raise ValueError(f"auth: {auth} takes a token in the password's place: remove password")
        if made.get("tls", "verify") != "verify":
            raise ValueError(f"auth: {auth} sends its token as it is: tls must be verify")
        if host := made.get("host"):
            fields = cls.model_fields
            user, port = (made.get(name, fields[name].default) for name in ("user", "port"))
            made["password"] = token_reference(auth, user, host, port)
        return made


class Storage(Section):
    """An Azure Storage account (Blob and Queue)."""

    account: str = Field("wkmsstorage", description="Name of the storage account.")
    blob_endpoint: str | None = Field(
        None, description="Blob endpoint; null takes https://<account>.blob.core.windows.net."
    )
    queue_endpoint: str | None = Field(
        None, description="Queue endpoint; null takes https://<account>.queue.core.windows.net."
    )
    key: SecretRef | None = Field(None, description="Account key; without key and sas azure-identity signs in.")
    sas: SecretRef | None = Field(
        None,
        description=(
            "SAS token in the key's place; read again when it ends. Rights: read, list; for blobs tags too, "
            "for queues update and process."
        ),
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.key and self.sas:
            raise ValueError("key and sas are two ways to sign in: set one to null")
        return self


class Cosmos(Section):
    """An Azure Cosmos DB account (NoSQL API)."""

    endpoint: str | None = Field(None, description="Endpoint, e.g. https://wkms.documents.azure.com:443/.")
    key: SecretRef | None = Field(None, description="Account key; null signs in with azure-identity.")
    database: str = Field("wkms", description="Database that holds the containers.")


class Azure(Section):
    """The source."""

    region: str = Field("koreacentral", description="Region of the source, for prices and reports.")
    storage: Storage = part()
    mysql: MysqlServer = part()
    cosmos: Cosmos = part()


class Aws(Section):
    """The target."""

    region: str = Field("ap-northeast-2", description="Region of the target.")
    profile: str | None = Field(
        None, description="Named profile of the AWS configuration; null takes the default chain."
    )
    endpoint_url: str | None = Field(
        None, description="One endpoint for every AWS service; null takes the region's own."
    )
    access_key_id: SecretRef | None = Field(None, description="Access key id; null takes profile or role.")
    secret_access_key: SecretRef | None = Field(None, description="Secret access key; null takes profile or role.")
    mysql: MysqlServer = part()


class Root(Section):
    """The whole file. `phases` gets one key per phase from the phases themselves."""

    environment: str = Field(description="Name of this environment; shown everywhere.")
    overlay: Path | None = Field(None, description="A second file, merged over this one, e.g. what `lab up` writes.")
    run: str | None = Field(None, description="Name of the run; null takes the environment's name.")
    runs_dir: Path = Field(Path("runs"), description="Folder of runs: journal, logs, reports.")
    name_prefix: str = Field("wkms", pattern="^[a-z][a-z0-9-]{1,20}$", description="Prefix of every name made on AWS.")
    lang: Literal["ko", "en"] = Field("ko", description="Language of reports.")
    workers: int = Field(
        4, ge=1, le=256, description="Threads for steps and for work inside a step, unless a phase says else."
    )
    azure: Azure = part()
    aws: Aws = part()


class Settings:
    """The checked configuration of one environment, with where it came from."""

    def __init__(
        self,
        root: Root,
        phases: Mapping[str, Section],
        sources: tuple[Path, ...],
        fetchers: Mapping[str, Fetch] | None = None,
    ) -> None:
        self._root = root
        self._phases = dict(phases)
        self._fetchers = {} if fetchers is None else fetchers  # may be filled later
        self._found: list[SecretRef] = []
        self.sources = sources

    def __getattr__(self, name: str) -> Any:
        return getattr(self._root, name)

    def section(self, kind: type[S]) -> S:
        """Return the phase section of this type; its defaults when the phase is not configured."""
        for section in self._phases.values():
            if isinstance(section, kind):
                return section
        return kind()

    @property
    def run_name(self) -> str:
        """The run to work on, unless --run names another."""
        return self._root.run or self._root.environment

    def secrets(self) -> dict[str, SecretRef]:
        """Return every secret that is configured or was found since, by its path."""
        found = {f"found.{number}": reference for number, reference in enumerate(self._found)}
        return dict(_secrets(self._root, "")) | found

    def secret(self, reference: str) -> SecretRef:
        """Return a secret that a phase found a reference to, kept out of sight like those of the file."""
        for secret in self._found:
            if secret.reference == reference:
                return secret
        known = SecretRef(reference, self._fetchers)
        self._found.append(known)
        return known


def _secrets(value: object, path: str) -> Iterator[tuple[str, SecretRef]]:
    if isinstance(value, SecretRef):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from _secrets(inner, f"{path}.{index}")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _secrets(inner, f"{path}.{key}")


def model(phases: Mapping[str, type[Section]]) -> type[Root]:
    """Return the model of a whole file, with one section per phase."""
    fields: dict[str, Any] = {
        name: (kind, part(description=(kind.__doc__ or "").split("\n")[0])) for name, kind in phases.items()
    }
    section = create_model("Phases", __base__=Section, **fields)
    return create_model(
        "File",
        __base__=Root,
        phases=(section, part(description="Each phase has its own part.")),
    )


def load(
    path: Path,
    phases: Mapping[str, type[Section]],
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
    fetchers: Mapping[str, Fetch] | None = None,
) -> Settings:
    """Read, merge and check one environment. Raises `ConfigError` with every problem at once.

    `flags` maps dotted paths to values given on the command line; `fetchers` maps `keyvault` and `secretsmanager` to
    what reads from them. Relative paths inside a file are relative to the working directory.
    """
    values = _read(path)
    sources = [path]
    if overlay := values.get("overlay"):
        over = Path(str(overlay))
        if not over.exists():
            raise ConfigError(
                f"{path} is laid under {over}, which is not there.",
                hint="For the embedded clouds run `wkms-migrate lab up`; else remove the key `overlay`.",
            )
        values = merged(values, _read(over))
        sources.append(over)
    kind = model(phases)
    values = merged(values, _from_environ(os.environ if environ is None else environ, kind))
    for dotted, value in (flags or {}).items():
        values = merged(values, _nested(dotted.split("."), value))
    root = _checked(kind, values, path, {} if fetchers is None else fetchers)
    sections = root.phases  # type: ignore[attr-defined] # made by model()
    return Settings(root, {name: getattr(sections, name) for name in phases}, tuple(sources), fetchers)


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"There is no configuration at {path}.",
            hint="`wkms-migrate init --env NAME` writes a commented one; config/example.yaml has every key.",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}.", hint="Check its permissions and that it is UTF-8."
        ) from error
    try:
        values = yaml.load(text, yaml.CSafeLoader)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" line {where.line + 1}" if where else ""
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise ConfigError(f"{path}{line}: {problem}.", hint="Is the file complete? Indent with spaces.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} is empty or not a mapping.", hint="config/example.yaml shows the shape.")
    return values


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `under` with `over` laid on it, mapping by mapping; lists and scalars are replaced."""
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _nested(keys: list[str], value: object) -> dict[str, Any]:
    head, *rest = keys
    return {head: _nested(rest, value) if rest else value}


def _from_environ(environ: Mapping[str, str], kind: type[BaseModel]) -> dict[str, Any]:
    """Take `WKMS_A__B=value`. Only the first key must exist: the check below names what is unknown deeper down."""
    import yaml

    values: dict[str, Any] = {}
    for name in sorted(environ):
        keys = name.removeprefix(PREFIX).lower().split("__")
        if name.startswith(PREFIX) and keys[0] in kind.model_fields:
            values = merged(values, _nested(keys, yaml.load(environ[name], yaml.CSafeLoader)))
    return values


def _checked(kind: type[Root], values: Mapping[str, Any], path: Path, fetchers: Mapping[str, Fetch]) -> Root:
    try:
        return kind.model_validate(values, context={"fetchers": fetchers})
    except ValidationError as error:
        problems = tuple(_problem(kind, detail) for detail in error.errors())
        raise ConfigError(
            f"{path} has {len(problems)} problem{'s' if len(problems) > 1 else ''}:",
            problems=problems,
            hint="config/example.yaml documents every key.",
        ) from error


def _problem(kind: type[BaseModel], detail: ErrorDetails) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] != "extra_forbidden":
        return f"{where}: {detail['msg'].removeprefix('Value error, ')}"
    import difflib

    known = list(_fields_at(kind, detail["loc"][:-1]))
    close = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1)
    suggestion = f"did you mean {close[0]}?" if close else f"known here: {', '.join(sorted(known))}"
    return f"{where}: unknown key; {suggestion}"


def _fields_at(kind: type[BaseModel], loc: tuple[int | str, ...]) -> Iterator[str]:
    current: type[BaseModel] = kind
    for part in loc:
        if isinstance(part, int):
            continue
        field = current.model_fields.get(part)
        inner = _model_in(field.annotation if field else None)
        if inner is None:
            return
        current = inner
    yield from current.model_fields


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if found := _model_in(argument):
            return found
    return None
