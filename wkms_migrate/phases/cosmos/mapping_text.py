"""Writes proposals as a mapping file that people can read: YAML, with the remarks above what they are about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from wkms_migrate.phases.cosmos.proposal import Proposal

HEAD: Final = """\
# What each container of Cosmos DB becomes on DynamoDB: a proposal. Read it, change it, and name it in the configuration
# as phases.cosmos.mapping. `wkms-migrate cosmos map --check FILE` tries it on every item; docs/cosmos.md has every key.
"""


def render(proposals: Mapping[str, Proposal]) -> str:
    """Return the text of a mapping file."""
    parts = [HEAD, "version: 1\n", "containers:\n"]
    for name, proposal in proposals.items():
        parts += [f"  # {remark}\n" for remark in proposal.remarks]
        parts += [f"  {line}\n" for line in _yaml({name: _plain(proposal)}).splitlines()]
    return "".join(parts)


def _plain(proposal: Proposal) -> dict[str, Any]:
    found = proposal.rules.model_dump(mode="json", exclude_none=True)
    return {key: value for key, value in found.items() if value not in ([], False)}


def _yaml(value: Any) -> str:
    import yaml

    text: str = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=110)
    return text
