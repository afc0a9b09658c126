"""Who may connect to the embedded Postgres, written into its folder before each start.

Its socket lies in a folder of mode 0700. Where that folder is ours, whoever can reach the socket may come in. Root must run
Postgres as another user, `nobody` by default, whom many services share: then only root comes in, and the person whose folder it was
before.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from server.sandbox.account import Account
from server.store.embedded.binaries import UNPRIVILEGED

if sys.platform != "win32":
    import pwd

ROLE = "medlens"  # of the database's owner, who is its only role


def admit(data: Path, account: Account | None) -> None:
    """Write pg_hba.conf and pg_ident.conf of the folder `data`, which `account` runs (None: we ourselves)."""
    if account is None:
        (data / "pg_hba.conf").write_text("local all all trust\n")
        return
    may = {pwd.getpwuid(os.geteuid()).pw_name}
    with suppress(KeyError):  # an owner without a name cannot be told by one
        may |= {pwd.getpwuid(account.uid).pw_name} - {UNPRIVILEGED}
    (data / "pg_hba.conf").write_text(f"local all all peer map={ROLE}\n")
    (data / "pg_ident.conf").write_text("".join(f'{ROLE} "{who}" {ROLE}\n' for who in sorted(may)))
