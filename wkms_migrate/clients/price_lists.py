"""The public price lists of AWS and Azure. Neither asks for an account.

AWS: one CSV file per service and region (the bulk price list). Azure: the Retail Prices API, page by page.
"""

from __future__ import annotations

import gzip
import json
import shutil
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from wkms_migrate import retry
from wkms_migrate.errors import TransientError, WkmsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse
    from pathlib import Path

AWS = "https://pricing.us-east-1.amazonaws.com"
AZURE = "https://prices.azure.com"
TIMEOUT = 60  # seconds without a byte
MOST_PAGES = 2000
HINT = "The prices on file stay as they are. Try again later."


def aws_file(base: str, offer: str, region: str, into: Path) -> None:
    """Write the price list of one service as CSV to the file `into`."""
    url = f"{base}/offers/v1.0/aws/{offer}/current/{region}/index.csv"
    retry.call(_download, url, into)


def azure_rows(base: str, where: str) -> Iterator[dict[str, Any]]:
    """Yield the rows that the OData filter `where` selects, following the links to further pages.

    Raises:
        WkmsError: an answer has another shape than documented, or its pages do not end.

    """
    query = urllib.parse.urlencode({"api-version": "2023-01-01-preview", "currencyCode": "USD", "$filter": where})
    url, seen = f"{base}/api/retail/prices?{query}", set[str]()
    while url:
        if url in seen or len(seen) >= MOST_PAGES:
            raise WkmsError(f"{base}: the pages of the price list do not end.", hint=HINT)
        seen.add(url)
        page = retry.call(_page, url)
        yield from page["Items"]
        url = _within(base, page["NextPageLink"] or "")


def _within(base: str, link: str) -> str:
    """Return the link as one of `base`: pages are asked of the server that was named, whatever the answer says."""
    if not link:
        return ""
    parts = urllib.parse.urlsplit(link)
    return f"{base}{parts.path}?{parts.query}"


def _page(url: str) -> dict[str, Any]:
    with _open(url) as answer:
        body = _body(answer)
    try:
        page = json.loads(body)
    except ValueError as error:
        raise TransientError(f"{url}: the answer is cut off or not JSON: {error}.", hint=HINT) from error
    if not isinstance(page, dict) or not isinstance(page.get("Items"), list) or "NextPageLink" not in page:
        raise WkmsError(f"{url}: the answer is no page of prices; the interface has changed.", hint=HINT)
    return page


def _download(url: str, into: Path) -> None:
    with _open(url) as answer, into.open("wb") as file:
        shutil.copyfileobj(answer, file, 1 << 20)
        expected = answer.headers.get("Content-Length")
        if expected is not None and file.tell() != int(expected):
            raise TransientError(f"{url}: {file.tell():,} of {int(expected):,} bytes arrived.", hint=HINT)
        packed = answer.headers.get("Content-Encoding") == "gzip"
    if packed:
        into.write_bytes(_unpacked(url, into.read_bytes()))


def _body(answer: HTTPResponse) -> bytes:
    try:
        body = answer.read()
    except HTTPException as error:
        raise TransientError(f"{answer.url}: the answer is cut off.", hint=HINT) from error
    return _unpacked(answer.url, body) if answer.headers.get("Content-Encoding") == "gzip" else body


def _unpacked(url: str, body: bytes) -> bytes:
    try:
        return gzip.decompress(body)
    except (EOFError, OSError) as error:
        raise TransientError(f"{url}: the compressed answer is cut off.", hint=HINT) from error


def _open(url: str) -> HTTPResponse:
    """Ask for `url`; a refusal that may pass is a `TransientError`, with the wait the server asked for."""
    if not url.startswith(("http://", "https://")):
        raise WkmsError(f"{url} is no web address.", hint="Give one that begins with https://.")
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})  # noqa: S310 - checked above
    try:
        answer: HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310 - same
    except urllib.error.HTTPError as error:
        with error:
            message = f"{url} answers {error.code} {error.reason}."
            if error.code not in retry.TRANSIENT_STATUS:
                raise WkmsError(message, hint=HINT) from error
            wait = error.headers.get("Retry-After") or ""
            raise TransientError(message, hint=HINT, retry_after=float(wait) if wait.isdigit() else None) from error
    except urllib.error.URLError as error:
        raise TransientError(f"{url} cannot be reached: {error.reason}.", hint=HINT) from error
    return answer
