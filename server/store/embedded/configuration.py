"""The configuration of the embedded Postgres, written into its data folder before each start: where it listens, who may connect.

Its socket lies in a folder of mode 0700. Where we own that folder, everyone who can reach the socket may connect. Root must run
Postgres as another user, `nobody` by default, and many services share that user: then only root may connect, and the person who
owned the folder before.
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
HAS_SOCKETS = sys.platform != "win32"
INCLUDED = "medlens.conf"  # postgresql.conf includes it

# Small on purpose: one person's machine, beside a browser and a model. fsync stays on: no finished scan is lost in a crash.
CONFIGURATION = """\
# written by medlens at every start
fsync = on
synchronous_commit = on
max_connections = 100
shared_buffers = 128MB
work_mem = 8MB
maintenance_work_mem = 64MB
effective_cache_size = 1GB
random_page_cost = 1.1
max_wal_size = 256MB
wal_level = minimal
max_wal_senders = 0
io_method = sync
jit = off
timezone = UTC
log_timezone = UTC
log_min_messages = warning
log_checkpoints = off
"""


def write_configuration(data: Path, socket_folder: Path, port: int, account: Account | None) -> None:
    """Write medlens.conf and the access rules into the folder `data`. `account`: the user that runs Postgres, None for ourselves.

    Postgres listens on a socket in `socket_folder`; on Windows on the loopback `port`.
    """
    folder = str(socket_folder).replace("'", "''")
    listening = (
        f"listen_addresses = ''\nunix_socket_directories = '{folder}'\nunix_socket_permissions = 0700\n"
        if HAS_SOCKETS
        else f"listen_addresses = '127.0.0.1'\nport = {port}\n"
    )
    (data / INCLUDED).write_text(CONFIGURATION + listening)
    if HAS_SOCKETS:
        _write_access(data, account)


def _write_access(data: Path, account: Account | None) -> None:
    """Write pg_hba.conf and pg_ident.conf."""
    if account is None:
        (data / "pg_hba.conf").write_text("local all all trust\n")
        return
    allowed = {pwd.getpwuid(os.geteuid()).pw_name}
    with suppress(KeyError):  # an owner without a user name cannot be let in by it
        allowed |= {pwd.getpwuid(account.uid).pw_name} - {UNPRIVILEGED}
    (data / "pg_hba.conf").write_text(f"local all all peer map={ROLE}\n")
    (data / "pg_ident.conf").write_text("".join(f'{ROLE} "{user}" {ROLE}\n' for user in sorted(allowed)))
