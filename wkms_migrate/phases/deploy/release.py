"""A release: the files of the stack and its environment, named by what is in it."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from wkms_migrate import __version__, assets
from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.deploy import environment
from wkms_migrate.phases.deploy.settings import DeploySettings, Images
from wkms_migrate.plan import digest_of

if TYPE_CHECKING:
    from wkms_migrate.plan import Context

_LEFT_OUT = frozenset({"__pycache__", ".env", ".env.example", "wheels"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What the servers get. `bundle` is a tar archive; `env` and `aws_env` hold secrets."""

    id: str
    images: tuple[str, ...]
    builds: tuple[dict[str, str], ...]
    bundle: bytes = field(repr=False)
    env: str = field(repr=False)
    aws_env: str = field(repr=False)


def make(context: Context) -> Release:
    """Make the release of these settings. The same settings and files make the same release, id included.

    Raises `NotKnownYet` while provision is not done, `ConfigError` when a secret or file is missing.
    """
    settings = context.section(DeploySettings)
    variables = environment.application(context)
    aws_env = environment.rendered(environment.aws(settings))
    files = bundle(assets.path("stack"), context.settings.aws.mysql.ca)
    token = variables["API_TOKEN"].encode()
    # Keyed, so that the id that everyone may see is no way to try passwords.
    named = blake2b(files, digest_size=6, key=blake2b(token).digest())
    for part in (environment.rendered(variables), aws_env, settings.images.model_dump_json()):
        named.update(part.encode() + b"\0")
    identity = f"{__version__}-{named.hexdigest()}"
    images = _image_names(settings.images, assets.path("stack"))
    variables |= {name.upper() + "_IMAGE": image for name, image in images.items()}
    variables |= {"RELEASE": identity, "REDIS_PASSWORD": blake2b(b"redis", digest_size=24, key=token[:64]).hexdigest()}
    return Release(
        id=identity,
        images=tuple(images.values()),
        builds=_builds(settings.images, images),
        bundle=files,
        env=environment.rendered(variables),
        aws_env=aws_env,
    )


def bundle(stack: Path, ca: Path | None) -> bytes:
    """Return the stack's files as a tar archive whose bytes depend on nothing but names and contents."""
    contents = _contents(stack)
    if ca is not None:
        contents[environment.CA_FILE] = _read(ca)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        folder = tarfile.TarInfo(Path(environment.CA_FILE).parent.as_posix())
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)  # mounted into the backends, with or without a certificate in it
        for name in sorted(contents):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(contents[name]), 0o644
            tar.addfile(entry, io.BytesIO(contents[name]))
    return archive.getvalue()


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and _LEFT_OUT.isdisjoint(path.relative_to(folder).parts)
    }


def _image_names(images: Images, stack: Path) -> dict[str, str]:
    """Return the images, those to be built by their content: what did not change is not built and replaced again."""

    def built(name: str, base: str) -> str:
        files = sorted((path, data.hex()) for path, data in _contents(stack / name).items())
        return f"wkms/{name}:{digest_of(base, files)}"

    return {
        "backend": images.backend or built("backend", images.python_base),
        "nginx": images.nginx or built("nginx", images.nginx_base),
        "redis": images.redis,
    }


def _builds(images: Images, names: dict[str, str]) -> tuple[dict[str, str], ...]:
    wanted = (("backend", images.backend, images.python_base), ("nginx", images.nginx, images.nginx_base))
    return tuple({"image": names[name], "context": name, "base": base} for name, given, base in wanted if given is None)


def _read(ca: Path) -> bytes:
    try:
        return ca.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"aws.mysql.ca: {ca} cannot be read: {error.strerror}.", hint="Give the CA bundle of the database in PEM."
        ) from error
