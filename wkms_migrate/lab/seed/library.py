"""The documents of the company: what the database says about them and what the blob store holds."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from wkms_migrate.lab.seed import files
from wkms_migrate.lab.seed.draw import Draw
from wkms_migrate.lab.seed.people import Department, departments, users
from wkms_migrate.lab.seed.scale import SEED, Scale, moment
from wkms_migrate.lab.seed.vocabulary import Topic, words

DOCUMENTS = "documents"
ATTACHMENTS = "attachments"
CHUNKS = 14
LARGE_BYTES = 32 << 20
SMALLEST = 4_096
DOUBLINGS = 4.6  # sizes run from 4 KiB to about 100 KiB, most of them small
EXTENSIONS = ("pdf", "pdf", "pdf", "docx", "docx", "xlsx", "pptx", "hwp", "txt", "md", "csv")
ATTACHED = ("png", "png", "pdf", "txt", "xlsx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A row of `documents`; `number` is its id and names all that is drawn for it."""

    number: int
    title: str
    topic: Topic
    owner_id: int
    department_id: int
    container: str
    blob_name: str
    extension: str
    large: bool
    created_at: datetime

    def draw(self, what: str) -> Draw:
        """Return the stream that draws one aspect of this document."""
        return Draw(SEED, "document", self.number, what)

    def chunks(self) -> list[str]:
        """Return the text, cut as the search index has it."""
        draw = self.draw("text")
        return [words().prose(self.topic, draw, 3) for _ in range(CHUNKS)]

    def content(self) -> bytes:
        """Return the file."""
        draw = self.draw("file")
        if self.number == EMPTY_NUMBER:
            return b""
        size = LARGE_BYTES if self.large else int(SMALLEST * 2 ** (draw.unit() * DOUBLINGS))
        text = "\n\n".join((self.title, *self.chunks()))
        return files.content(self.extension, text, size, draw)


EMPTY_NUMBER = 7
# Names that real users gave and that break careless movers.
ODD_NAMES = {
    11: "인사팀//공지/2025 상반기  인사발령.txt",
    12: "총무팀/2026/🎉 창립기념일 안내 🎂.md",
    13: "재무팀/100% 환급+정산 #1 (최종) [v3] & 'etc'.xlsx",
    14: "법무팀/질문?답변=예;아니오.txt",
    15: "/루트에서 시작하는 이름.txt",
    16: "감사실/점으로 끝나는 폴더./문서.txt",
    17: "플랫폼개발팀/%EC%9D%B8 이미 인코딩된 이름.txt",
    18: "AI연구팀/𠮷野家 논문 요약 👩‍🔬.pdf",
    19: "Data/CASE.txt",
    20: "data/case.txt",
}


def documents(scale: Scale) -> Iterator[Document]:
    """Yield the documents, then the attachments, in the order of their ids."""
    for number in range(1, scale.documents + 1):
        yield _document(number, scale, DOCUMENTS, large=number <= scale.large_files)
    for number in range(scale.documents + 1, scale.documents + scale.attachments + 1):
        yield _document(number, scale, ATTACHMENTS, large=False)


def _document(number: int, scale: Scale, container: str, *, large: bool) -> Document:
    draw = Draw(SEED, "document", number, "record")
    topic = draw.pick(words().topics)
    home = _department_named(topic.department)
    title = words().fill(draw.pick(topic.titles), draw)
    created = moment(draw)
    owner = draw.pick(users(scale.users))
    attached = container == ATTACHMENTS
    extension = "pptx" if large else draw.pick(ATTACHED if attached else EXTENSIONS)
    folder = f"chat/{owner.id}" if attached else home.name
    name = f"{folder}/{created.year}/{title}_{number:05d}.{extension}"
    odd = ODD_NAMES.get(number)
    return Document(
        number=number,
        title=title,
        topic=topic,
        owner_id=owner.id,
        department_id=owner.department_id if attached else home.id,
        container=container,
        # One in forty was uploaded from a Mac: decomposed Hangul.
        blob_name=odd or (unicodedata.normalize("NFD", name) if number % 40 == 0 else name),
        extension=odd.rpartition(".")[2] if odd else extension,
        large=large,
        created_at=created,
    )


@cache
def _department_named(name: str) -> Department:
    return next(department for department in departments() if department.name == name)
