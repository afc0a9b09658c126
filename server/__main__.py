"""The `medlens` command: runs a subcommand, and turns errors into one line on stderr and an exit code.

Exit codes: 0 all done, 1 some target failed (its Report says why), 2 wrong usage or settings. Each subcommand has a file in
server/cli/, imported when it runs, so that `medlens --help` loads neither torch nor a browser.
"""

from __future__ import annotations

import sys

import typer

from server.cli import attach
from server.contract.errors import MedlensError, RequestError, SettingsError

app = typer.Typer(
    name="medlens",
    help="Which images of a page, a PDF or a folder are medical, of which modality, how sure the answer is, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
attach.all_commands(app)

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130


def main() -> None:
    """Run the command line. A MedlensError is shown without a traceback."""
    try:
        app()
    except (SettingsError, RequestError) as error:
        _print_error(error)
        sys.exit(WRONG_USAGE)
    except MedlensError as error:
        _print_error(error)
        sys.exit(FAILED)
    except OSError as error:  # a file or folder of the user that cannot be read or written
        if error.filename is None:
            raise
        print(f"medlens: {error.filename}: {error.strerror}", file=sys.stderr)  # noqa: T201 - the one line for people
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _print_error(error: MedlensError) -> None:
    print(f"medlens: {error}", file=sys.stderr)  # noqa: T201 - the one line for people


if __name__ == "__main__":
    main()
