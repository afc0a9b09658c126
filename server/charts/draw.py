"""The process that draws: Vega-Lite in by standard input, SVG or PNG out, until the input ends. Knows no chart.

A process of its own because Vega runs in a JavaScript engine that takes 100 MB and holds Python's lock while it draws: in the web
process, everybody would wait. A request is a line of JSON ({"spec", "format"}); an answer a line with its length, then its bytes; a
length below nought is the length of an error's text. It fetches nothing: no address is allowed.
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
            asked = json.loads(line)
            body, sign = draw(asked["spec"], asked["format"]), ""
        except ValueError as error:  # what Vega says of a chart it cannot draw
            body, sign = str(error).encode()[:500], "-"
        out.write(f"{sign}{len(body)}\n".encode() + body)
        out.flush()


if __name__ == "__main__":
    main()
