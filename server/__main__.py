"""The `medlens` command: its subcommands, and how an error becomes one line on stderr and an exit code.

Exit codes: 0 all done, 1 some target failed (its Report says why), 2 wrong usage or settings. Each subcommand is one module of
server/cli, which imports what it needs when it runs: `medlens --help` loads neither the settings nor the database nor a model.
"""

from __future__ import annotations

import faulthandler
import sys

import typer

from server.cli import (
    batch,
    browser,
    cluster,
    config,
    corpus,
    db,
    evaluate,
    explain,
    models,
    scan,
    serve,
    share,
    token,
    train,
    worker,
)
from server.contract.errors import MedlensError, RequestError, SettingsError
from server.contract.extras import naming_extras

app = typer.Typer(
    name="medlens",
    help="Which images of a page, a PDF or a folder are medical, of which modality, how sure the answer is, and why.",
    no_args_is_help=True,
    add_completion=True,  # --install-completion, --show-completion
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command()(serve.serve)
app.command()(worker.worker)
app.command()(scan.scan)
app.command()(batch.batch)
app.command()(explain.explain)
app.command()(cluster.cluster)
app.command()(corpus.corpus)
app.add_typer(train.app, name="train")
app.command()(evaluate.evaluate)
app.add_typer(models.app, name="models")
app.command()(share.share)
app.command()(token.token)
app.add_typer(db.app, name="db")
app.command()(browser.browser)
app.command()(config.config)

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130


def main() -> None:
    """Run the command line; an error raised on purpose is one line on stderr, never a traceback.

    A process that native code brings down says on stderr where each of its threads was.
    """
    if sys.stderr is not None:  # of a program without a console, on Windows
        faulthandler.enable()
    try:
        with naming_extras():
            app()
    except (SettingsError, RequestError) as error:
        _complain(error)
        sys.exit(WRONG_USAGE)
    except MedlensError as error:
        _complain(error)
        sys.exit(FAILED)
    except OSError as error:  # a file or folder named on the command line that cannot be read or written
        if error.filename is None:
            raise
        _complain(f"{error.filename}: {error.strerror}")
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _complain(message: object) -> None:
    print(f"medlens: {message}", file=sys.stderr)  # noqa: T201 - the one line for people


if __name__ == "__main__":
    main()
