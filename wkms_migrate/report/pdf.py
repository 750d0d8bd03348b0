"""A page as PDF, for those who must file one. An extra: `pip install wkms-migrate[pdf]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wkms_migrate.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

HANGUL = range(0xAC00, 0xD7A4)


def render(html: str) -> bytes:
    """Return the page as PDF.

    Raises:
        Refused: WeasyPrint or its libraries are missing, or no font here has the page's Korean letters: the PDF
            would be written without an error, and nobody could read it.

    """
    weasyprint = _weasyprint()
    nothing = weasyprint.urls.URLFetcher(allowed_protocols=())  # a page holds all that it shows
    document = weasyprint.HTML(string=html, url_fetcher=nothing).render()
    content: bytes = document.write_pdf()
    unreadable = _missing(document.fonts.values())
    if unreadable:
        raise Refused(
            f"No font on this machine has Korean letters: {unreadable} and others would be unreadable in the PDF.",
            hint="Install one (Debian: apt-get install fonts-nanum), or print the HTML page from a browser.",
        )
    return content


def _weasyprint() -> Any:
    try:
        import weasyprint
    except (ImportError, OSError) as error:  # OSError: a library that it loads is not on the machine
        raise Refused(
            f"PDF needs WeasyPrint and Pango, which cannot be loaded: {error}.",
            hint="pip install 'wkms-migrate[pdf]'; on Debian also apt-get install libpangoft2-1.0-0. "
            "Or print the HTML page from a browser.",
        ) from error
    return weasyprint


def _missing(fonts: Iterable[Any]) -> str:
    """Return the first Korean letters that were drawn from a font that does not have them."""
    letters = sorted({code for font in fonts for code in font.missing if code in HANGUL})
    return "".join(map(chr, letters[:5]))
