"""The child process that draws: reads Vega-Lite from standard input and writes SVG or PNG, until the input ends.

It is a process of its own because Vega runs in a JavaScript engine that takes 100 MB and holds Python's lock while it draws; in the
web process it would stop every request. A request is one line of JSON ({"spec", "format"}). An answer is one line with its length
in bytes, then the bytes; a negative length means that they are an error message. No address is ever fetched.
"""

from __future__ import annotations

import faulthandler
import json
import sys
from typing import Any

import vl_convert

PNG_SCALE = 2  # for dense screens and print


def draw(spec: dict[str, Any], form: str) -> bytes:
    if form == "png":
        return bytes(vl_convert.vegalite_to_png(spec, scale=PNG_SCALE, allowed_base_urls=[]))
    return str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])).encode()


def main() -> None:
    faulthandler.enable()
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        try:
            request = json.loads(line)
            body, sign = draw(request["spec"], request["format"]), ""
        except ValueError as error:  # Vega's message about a chart that it cannot draw
            body, sign = str(error).encode()[:500], "-"
        out.write(f"{sign}{len(body)}\n".encode() + body)
        out.flush()


if __name__ == "__main__":
    main()
