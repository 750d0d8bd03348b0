"""The words of `korean.yaml`, typed, and the sentences made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from wkms_migrate.lab.seed.draw import Draw

WORDS_FILE = Path(__file__).with_name("korean.yaml")


@dataclass(frozen=True, slots=True)
class Topic:
    """What a company writes and asks about. `questions` are pairs of question and answer."""

    name: str
    category: str
    department: str
    titles: tuple[str, ...]
    facts: tuple[str, ...]
    questions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Everything `korean.yaml` holds; names are pairs of Hangul and its romanisation."""

    departments: tuple[tuple[str, str, int | None], ...]
    surnames: tuple[tuple[str, str], ...]
    first_syllables: tuple[tuple[str, str], ...]
    second_syllables: tuple[tuple[str, str], ...]
    places: tuple[str, ...]
    topics: tuple[Topic, ...]
    feedback: tuple[str, ...]
    notices: tuple[str, ...]

    def person(self, draw: Draw) -> tuple[str, str]:
        """Return a name in Hangul and the local part of its mail address."""
        family, first, second = (
            draw.pick(self.surnames),
            draw.pick(self.first_syllables),
            draw.pick(self.second_syllables),
        )
        return f"{family[0]}{first[0]}{second[0]}", f"{first[1]}{second[1]}.{family[1]}"

    def fill(self, template: str, draw: Draw) -> str:
        """Put drawn words into the slots of a template."""
        if "{" not in template:
            return template
        return template.format(
            n=draw.between(2, 9),
            won=f"{draw.between(1, 90)}0,000",
            year=draw.between(2023, 2026),
            dept=self.departments[draw.between(6, len(self.departments) - 1)][0],
            name=self.person(draw)[0],
            place=draw.pick(self.places),
        )

    def prose(self, topic: Topic, draw: Draw, sentences: int) -> str:
        """Return so many sentences about a topic."""
        return " ".join(self.fill(draw.pick(topic.facts), draw) for _ in range(sentences))


@cache
def words() -> Words:
    """Read the bundled words once."""
    import yaml

    raw: Mapping[str, Any] = yaml.safe_load(WORDS_FILE.read_text(encoding="utf-8"))
    return Words(
        departments=tuple(tuple(row) for row in raw["departments"]),
        surnames=tuple(tuple(pair) for pair in raw["surnames"]),
        first_syllables=tuple(tuple(pair) for pair in raw["first_syllables"]),
        second_syllables=tuple(tuple(pair) for pair in raw["second_syllables"]),
        places=tuple(raw["places"]),
        topics=tuple(_topic(entry) for entry in raw["topics"]),
        feedback=tuple(raw["feedback"]),
        notices=tuple(raw["notices"]),
    )


def _topic(entry: Mapping[str, Any]) -> Topic:
    return Topic(
        name=entry["name"],
        category=entry["category"],
        department=entry["department"],
        titles=tuple(entry["titles"]),
        facts=tuple(entry["facts"]),
        questions=tuple((question, answer) for question, answer in entry["questions"]),
    )
