"""The WKMS images of the lab: built from stack/ on Debian instead of public base images, kept as one archive."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from wkms_migrate import assets, process
from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import cache, debian
from wkms_migrate.lab.docker_engine import Say, build, docker, has_image

_DOCKERFILES = Path(__file__).parent / "images"


@dataclass(frozen=True, slots=True)
class StackImages:
    """Names of the images, and the archive (`docker save`) that holds all of them."""

    backend: str
    nginx: str
    redis: str
    archive: Path


def ensure(say: Say) -> StackImages:
    """Build what is not there yet. A changed file gives its image a new name, and with it a new archive."""
    dockerfile = _DOCKERFILES / "stack.Dockerfile"
    base = f"wkms-lab/stack-base:{debian.base_name().rpartition(':')[2]}-{_digest(dockerfile)}"
    sources = assets.path("stack")
    below = blake2b(base.encode(), digest_size=4).hexdigest()
    tags = {name: f"{_digest(sources / name)}-{below}" for name in ("backend", "nginx")}
    kept = f"stack-images-{tags['backend']}-{tags['nginx']}"
    images = StackImages(
        f"wkms/backend:{tags['backend']}", f"wkms/nginx:{tags['nginx']}", base, cache.folder() / kept / "images.tar"
    )
    if images.archive.exists():
        return images
    say("Building the images of the WKMS stack")
    if not has_image(base):
        build(base, dockerfile, build_args={"BASE": debian.base_image(say)})

    def save(into: Path) -> None:
        _build_backend(images.backend, base, sources / "backend", into / "context")
        build(images.nginx, sources / "nginx" / "Dockerfile", context=sources / "nginx", build_args={"BASE": base})
        docker("save", "--output", str(into / "images.tar"), images.backend, images.nginx, images.redis)
        shutil.rmtree(into / "context")

    cache.ensure(kept, save)
    return images


def _build_backend(tag: str, base: str, sources: Path, context: Path) -> None:
    """Build with the wheels beside the sources, for the container sees none of this machine's package sources."""
    shutil.copytree(sources, context, ignore=shutil.ignore_patterns("__pycache__"))
    wheels = _wheels(sources / "requirements.txt", docker("run", "--rm", base, "python3", "-c", _VERSION))
    shutil.copytree(wheels, context / "wheels")
    build(tag, context / "Dockerfile", context=context, build_args={"BASE": base, "PIP_NO_INDEX": "1"})


_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def _wheels(requirements: Path, python: str) -> Path:
    """Fetch the pinned wheels for the Python of the image by this machine's own pip configuration."""
    digest = _digest(requirements)

    def download(into: Path) -> None:
        argv = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--no-deps"]
        argv += ["--python-version", python, "--dest", str(into), "--requirement", str(requirements)]
        done = process.run(argv)
        if done.code != 0:
            raise WkmsError(
                f"pip could not fetch the backend's wheels: {' / '.join(done.tail[-3:])}",
                hint="Check the machine's pip configuration.",
            )

    return cache.ensure(f"wheels-{python}-{digest}", download)


def _digest(*roots: Path) -> str:
    hasher = blake2b(digest_size=6)
    for root in roots:
        for path in sorted([root] if root.is_file() else root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                hasher.update(f"{path.relative_to(root.parent)}\0".encode())
                hasher.update(path.read_bytes())
    return hasher.hexdigest()
