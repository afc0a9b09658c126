"""Every error medlens raises on purpose, as one tree.

Each class has the stable `code` of the Report and of problem JSON, the HTTP `status` that fits it, and a message for the person who
has to act on it. The web middleware and server/__main__.py turn errors into responses and output; nothing else does.

    MedlensError
    ├── SettingsError                   settings_invalid      a setting has a value that is not allowed
    │   └── ExtraMissing                extra_missing         an optional part is not installed (extras.py)
    ├── RequestError                                          the request is not valid
    │   ├── NotAUrl                     not_a_url
    │   ├── SchemeNotAllowed            scheme_not_allowed    file:, ftp:, javascript: ...
    │   ├── AddressNotAllowed           address_not_allowed   the guard refused the address of the host
    │   ├── RobotsDisallowed            robots_disallowed     robots.txt forbids it, and MEDLENS_ROBOTS=obey
    │   ├── TooLarge                    too_large             more bytes than the limit
    │   ├── UnknownKind                 unknown_kind          neither page, PDF, image, DICOM nor folder
    │   ├── TooManyRequests             too_many_requests     carries retry_after, seconds
    │   ├── NotFound                    not_found
    │   ├── Unauthorized                unauthorized          no token, or a wrong one
    │   └── Forbidden                   forbidden             Host or Origin not ours
    ├── FetchError                                            the server did not deliver
    │   ├── HostNotFound                host_not_found
    │   ├── ConnectionFailed            connection_failed
    │   │   └── NoTls                   connection_failed     no TLS at an https address
    │   ├── HttpStatus                  http_status           carries the status of the server
    │   ├── RedirectLoop                redirect_loop
    │   └── TimedOut                    timed_out             a body that never ends included
    ├── DocumentError                                         the bytes have arrived, but cannot be read
    │   ├── LeftOut                     left_out              not read on purpose: hidden files, links
    │   ├── NoImage                     unreadable            a whole file without an image inside
    │   ├── PasswordProtected           password_protected
    │   ├── Damaged                     damaged               truncated or broken beyond reading
    │   ├── NotWhatItSays               not_what_it_says      HTML named .pdf
    │   ├── ImageTooLarge               image_too_large       more pixels than the limit, by its header
    │   └── ReaderFailed                reader_failed         a limit stopped the process that read it
    ├── RenderError                     render_failed         the browser could not render the page
    │   └── BrowserMissing              browser_missing
    ├── NotMadeYet                      not_made_yet          a worker is making it; carries retry_after, seconds
    ├── StoreError                      store_failed          the database refused or failed
    │   └── DatabaseUnavailable         database_unavailable
    ├── ModelError                      model_failed
    │   └── WeightsMissing              weights_missing
    ├── WorkerDied                      worker_died           every worker that ran the scan died
    └── Cancelled                       cancelled             a person stopped the scan
"""

from __future__ import annotations

from typing import Any


class MedlensError(Exception):
    """Base of every error raised on purpose. `str(error)` is one line for the person who has to act on it.

    `retry_after`: seconds after which a retry makes sense, None where it does not.
    """

    code = "internal"
    status = 500
    retry_after: int | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by class, message and fields, so that an error with further arguments can travel between processes too."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[MedlensError], arguments: tuple[Any, ...], fields: dict[str, Any]) -> MedlensError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(fields)
    return error


class SettingsError(MedlensError):
    code, status = "settings_invalid", 500


class RequestError(MedlensError):
    code, status = "bad_request", 400


class NotAUrl(RequestError):
    code, status = "not_a_url", 400


class SchemeNotAllowed(RequestError):
    code, status = "scheme_not_allowed", 400


class AddressNotAllowed(RequestError):
    code, status = "address_not_allowed", 403


class RobotsDisallowed(RequestError):
    code, status = "robots_disallowed", 403


class TooLarge(RequestError):
    code, status = "too_large", 413


class UnknownKind(RequestError):
    code, status = "unknown_kind", 415


class TooManyRequests(RequestError):
    code, status, retry_after = "too_many_requests", 429, 1

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotFound(RequestError):
    code, status = "not_found", 404


class NameTaken(RequestError):
    code, status = "name_taken", 409


class Unauthorized(RequestError):
    code, status = "unauthorized", 401


class Forbidden(RequestError):
    code, status = "forbidden", 403


class FetchError(MedlensError):
    code, status = "fetch_failed", 502


class HostNotFound(FetchError):
    code, status = "host_not_found", 502


class ConnectionFailed(FetchError):
    code, status = "connection_failed", 502


class NoTls(ConnectionFailed):
    """What answers at an https address does not speak TLS. The same code: for people it is a connection that failed."""


class HttpStatus(FetchError):
    """`answered`: the status code of the server."""

    code, status = "http_status", 502

    def __init__(self, message: str, answered: int) -> None:
        super().__init__(message)
        self.answered = answered


class RedirectLoop(FetchError):
    code, status = "redirect_loop", 502


class TimedOut(FetchError):
    code, status = "timed_out", 504


class DocumentError(MedlensError):
    code, status = "unreadable", 422


class LeftOut(DocumentError):
    code, status = "left_out", 422


class NoImage(DocumentError):
    """Of one file alone it is an error as any; in a folder the file is left out, under the reason `no_image`."""


class PasswordProtected(DocumentError):
    code, status = "password_protected", 422


class Damaged(DocumentError):
    code, status = "damaged", 422


class NotWhatItSays(DocumentError):
    code, status = "not_what_it_says", 422


class ImageTooLarge(DocumentError):
    code, status = "image_too_large", 422


class ReaderFailed(DocumentError):
    code, status = "reader_failed", 422


class RenderError(MedlensError):
    code, status = "render_failed", 502


class BrowserMissing(RenderError):
    code, status = "browser_missing", 503


class BrowserBusy(RenderError):
    code, status = "browser_busy", 503


class NotMadeYet(MedlensError):
    code, status, retry_after = "not_made_yet", 503, 2


class StoreError(MedlensError):
    code, status = "store_failed", 500


class DatabaseUnavailable(StoreError):
    code, status = "database_unavailable", 503


class ModelError(MedlensError):
    code, status = "model_failed", 500


class WeightsMissing(ModelError):
    code, status = "weights_missing", 503


class WorkerDied(MedlensError):
    code, status = "worker_died", 500


class Cancelled(MedlensError):
    code, status = "cancelled", 409
