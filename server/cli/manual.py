"""The manual page medlens(1), made from the commands: `make generate` keeps server/cli/medlens.1, and wheels install it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import typer.main

SECTIONS_AFTER = """.SH EXIT STATUS
.TP
.B 0
Everything is done.
.TP
.B 1
Some target failed; its Report says why.
.TP
.B 2
Wrong usage or settings.
.SH ENVIRONMENT
Settings come from the environment or a file .env, with the prefix MEDLENS_.
\\fBmedlens config\\fR shows each of them, its value and where it came from.
.SH SEE ALSO
The running service describes its HTTP interface at /api/docs.
"""


def page(app: typer.Typer) -> str:
    """The whole page, as roff."""
    program = typer.main.get_command(app)
    with typer.Context(program, info_name="medlens") as context:
        lines = [
            '.\\" Made from the commands by `make generate`.',
            '.TH MEDLENS 1 "" "medlens" "User Commands"',
            ".SH NAME",
            f"medlens \\- {_text(program.help)}",
            ".SH SYNOPSIS",
            ".B medlens",
            "\\fICOMMAND\\fR [\\fIOPTIONS\\fR]",
            ".SH COMMANDS",
            *_commands(program, context),
        ]
    return "\n".join(lines) + "\n" + SECTIONS_AFTER


def _commands(group: Any, context: Any) -> Iterator[str]:
    """Every command under the group, with its arguments and options."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        with typer.Context(command, info_name=name, parent=context) as inner:
            nested = hasattr(command, "list_commands")
            if not nested or command.invoke_without_command:
                yield f".SS {_escaped(inner.command_path)} {_usage(command, inner)}".rstrip()
                yield _text(command.help)
                yield from _parameters(command, inner)
            if nested:
                yield from _commands(command, inner)


def _usage(command: Any, context: Any) -> str:
    return _escaped(" ".join(command.collect_usage_pieces(context)))


def _parameters(command: Any, context: Any) -> Iterator[str]:
    for parameter in command.params:
        row = parameter.get_help_record(context)
        if row and "--help" not in parameter.opts:
            name, words = row
            yield ".TP"
            yield f"\\fB{_escaped(name)}\\fR"
            yield _text(words) or "\\&"


def _text(words: str | None) -> str:
    """Without rich's markup, on one line; a line that begins with a dot or quote would be a request."""
    plain = re.sub(r"\[/?[a-z ]*\](?!\()", "", inspect.cleandoc(words or ""))
    line = _escaped(" ".join(plain.split()))
    return f"\\&{line}" if line.startswith((".", "'")) else line


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")
