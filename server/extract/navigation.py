"""Opens a page, or raises the error that says why it cannot be opened.

Chromium reports failures as net::ERR_..., the proxy as refusals; both are raised as a MedlensError.
"""

from __future__ import annotations

from collections.abc import Mapping

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Request, Response
from playwright.async_api import TimeoutError as PlaywrightTimeout

from server.contract.errors import (
    AddressNotAllowed,
    ConnectionFailed,
    FetchError,
    HostNotFound,
    HttpStatus,
    MedlensError,
    RedirectLoop,
    RenderError,
    TimedOut,
    TooLarge,
    UnknownKind,
)
from server.extract.refusals import REFUSED_HEADER, Refusal
from server.extract.responses import SVG_TYPE, Responses, media_type

NET_ERRORS: tuple[tuple[str, type[FetchError], str], ...] = (
    ("ERR_NAME_", HostNotFound, "there is no such host"),
    ("ERR_TOO_MANY_REDIRECTS", RedirectLoop, "the site redirects without end"),
    ("TIMED_OUT", TimedOut, "the site did not answer in time"),
    ("ERR_CERT_", ConnectionFailed, "the site's certificate is not valid"),
    ("ERR_SSL_", ConnectionFailed, "no secure connection could be made"),
    ("ERR_UNSAFE_REDIRECT", ConnectionFailed, "the site redirects to an address that is not a web address"),
    ("ERR_EMPTY_RESPONSE", ConnectionFailed, "the site closed the connection without a response"),
)
REFUSED: dict[str, type[MedlensError]] = {
    error.code: error for error in (AddressNotAllowed, HostNotFound, ConnectionFailed, TimedOut, TooLarge, RedirectLoop)
}
FORBIDDEN = 403
DOCUMENT_TYPES = ("application/pdf", "application/dicom", "application/octet-stream", "application/zip")


class NotAPage(UnknownKind):
    """Files were loaded instead of the page, or beside it. The caller reads each of `urls` as a file.

    `received`: the bytes of those that the page itself fetched; the caller fetches the others.
    """

    def __init__(self, *urls: str, received: Mapping[str, bytes] | None = None) -> None:
        super().__init__(f"{urls[0]} is a file, not a page")
        self.urls = urls
        self.received = received or {}


async def open_page(page: Page, url: str, responses: Responses, timeout_s: float) -> None:
    """Navigate until the first bytes of the document have arrived.

    Raises NotAPage, HttpStatus, AddressNotAllowed, HostNotFound, ConnectionFailed, RedirectLoop, TimedOut, TooLarge or RenderError.
    """
    requested = [url]

    def on_request(request: Request) -> None:
        if request.is_navigation_request() and request.frame == page.main_frame:
            requested[0] = request.url

    page.on("request", on_request)
    try:
        response = await page.goto(url, wait_until="commit", timeout=timeout_s * 1000)
    except PlaywrightTimeout:
        raise TimedOut(f"{url} did not answer within {timeout_s:g} s") from None
    except PlaywrightError as error:
        raise _error(error, requested[0], responses.refusal(requested[0])) from None
    finally:
        page.remove_listener("request", on_request)
    if response is not None:
        _check(response, responses.refusal(response.url))


def _check(response: Response, refusal: Refusal | None) -> None:
    if response.status >= 400:
        if refusal is not None and REFUSED_HEADER in response.headers:
            raise REFUSED.get(refusal.code, ConnectionFailed)(refusal.message)
        raise status_error(response.url, response.status, response.status_text)
    mime = media_type(response)
    if mime in DOCUMENT_TYPES or (mime.startswith("image/") and mime != SVG_TYPE):
        raise NotAPage(response.url)


def status_error(url: str, status: int, text: str = "") -> HttpStatus:
    """The error for a status of 400 or above that the browser received."""
    if status == FORBIDDEN:
        return HttpStatus(f"{url}: the site refuses programs (403)", status)
    return HttpStatus(f"{url} answered {status} {text}".strip(), status)


def _error(error: PlaywrightError, url: str, refusal: Refusal | None) -> MedlensError:
    if refusal is not None:
        return REFUSED.get(refusal.code, ConnectionFailed)(refusal.message)
    text = error.message
    if "Download is starting" in text:
        return NotAPage(url)
    for word, kind, meaning in NET_ERRORS:
        if word in text:
            return kind(f"{url}: {meaning}")
    if "net::ERR_ABORTED" in text:
        return RenderError(f"{url} answered without a page")
    if "net::" in text:
        return ConnectionFailed(f"{url} could not be loaded ({text.partition('net::')[2].split()[0]})")
    return RenderError(f"{url} could not be shown: {text.splitlines()[0][:300]}")
