"""Errors travel between processes whole, those with further arguments included."""

from __future__ import annotations

import pickle

from server.contract.errors import HttpStatus, TooManyRequests


def test_an_error_with_fields_is_pickled_whole() -> None:
    lost = pickle.loads(pickle.dumps(HttpStatus("the server answered 404", 404)))
    assert (type(lost), str(lost), lost.answered, lost.code) == (HttpStatus, "the server answered 404", 404, "http_status")
    later = pickle.loads(pickle.dumps(TooManyRequests("too many", 9)))
    assert (str(later), later.retry_after) == ("too many", 9)
