"""System calls that a reader of files never needs are refused by the kernel: a seccomp filter for Linux on x86-64 and ARM64.

Refused are the network, other processes (starting, tracing, signalling them), writing files, and the parts of the kernel that
attackers use to become root. What is newer than this table is "not implemented", so that a new kernel opens nothing. The filter is
put on by prctl with ctypes: pyseccomp was last released in 2021, and libseccomp, which it needs, is not on every machine.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys
from dataclasses import dataclass

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, FAIL = 0x7FFF0000, 0x00050000
# BPF: load a word of the call's record; jump if equal, if greater, if at least, if bits are set; return.
LOAD, EQUAL, GREATER, AT_LEAST, BITS, RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in that record; arguments have eight bytes each, low half first
NEWEST = 449  # futex_waitv, Linux 5.16; both architectures count alike from 424 on
X32 = 0x40000000  # x86-64's other set of numbers
CLONE_THREAD = 0x10000
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CLONE3, OPENAT2 = 435, 437  # their arguments lie in memory, where the filter cannot look; libraries fall back to clone and openat

# name: (x86-64, ARM64); None where the architecture has no such call.
REFUSED: dict[str, tuple[int | None, int | None]] = {
    # the network
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242),
    # other programs and processes
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "setpriority": (141, 140),
    # files that come to be, change or go
    "creat": (85, None), "truncate": (76, 45), "mkdir": (83, None), "mkdirat": (258, 34), "mknod": (133, None),
    "mknodat": (259, 33), "unlink": (87, None), "unlinkat": (263, 35), "rmdir": (84, None), "rename": (82, None),
    "renameat": (264, 38), "renameat2": (316, 276), "link": (86, None), "linkat": (265, 37), "symlink": (88, None),
    "symlinkat": (266, 36), "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "chown": (92, None),
    "fchown": (93, 55), "fchownat": (260, 54), "lchown": (94, None), "setxattr": (188, 5), "memfd_create": (319, 279),
    # doors into the kernel
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "unshare": (272, 97), "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "personality": (135, 92), "syslog": (103, 116), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266), "iopl": (172, None),
    "ioperm": (173, None), "modify_ldt": (154, None),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Architecture:
    """`audit`: how the kernel names it in a call's record. The others: numbers of calls that are looked at more closely."""

    column: int
    audit: int
    clone: int
    kill: int
    tgkill: int
    prlimit64: int
    openat: int
    open: int | None


ARCHITECTURES = {
    "x86_64": Architecture(0, 0xC000003E, clone=56, kill=62, tgkill=234, prlimit64=302, openat=257, open=2),
    "aarch64": Architecture(1, 0xC00000B7, clone=220, kill=129, tgkill=131, prlimit64=261, openat=56, open=None),
}


class _Step(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("if_true", ctypes.c_ubyte), ("if_false", ctypes.c_ubyte), ("value", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.POINTER(_Step)))


def no_new_privileges() -> bool:
    """No program that this process starts may have more rights than it has. False where the system cannot."""
    return sys.platform == "linux" and _prctl(PR_SET_NO_NEW_PRIVS, 1, 0)


def refuse_calls() -> bool:
    """Filter the calls of this thread and all it starts, irrevocably. False where the system has none, or another architecture."""
    architecture = ARCHITECTURES.get(platform.machine())
    if sys.platform != "linux" or architecture is None or sys.byteorder != "little" or not no_new_privileges():
        return False
    steps = _filter(architecture, os.getpid())
    array = (_Step * len(steps))(*steps)
    return _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(_Program(len(steps), array)))


def _filter(architecture: Architecture, pid: int) -> list[_Step]:
    """The program: every test either returns or goes on to the next one."""
    steps = [
        _Step(LOAD, 0, 0, ARCHITECTURE), *_unless(EQUAL, architecture.audit, errno.EPERM),
        _Step(LOAD, 0, 0, NUMBER), *_if(AT_LEAST, X32, errno.ENOSYS), *_if(GREATER, NEWEST, errno.ENOSYS),
        *_if(EQUAL, CLONE3, errno.ENOSYS), *_if(EQUAL, OPENAT2, errno.ENOSYS),
    ]  # fmt: skip
    for numbers in REFUSED.values():
        if (number := numbers[architecture.column]) is not None:
            steps += _if(EQUAL, number, errno.EPERM)
    for number in (architecture.kill, architecture.tgkill):  # itself it may end
        steps += _looked_at(number, 0, _unless(EQUAL, pid, errno.EPERM))
    steps += _looked_at(architecture.prlimit64, 0, _unless(EQUAL, 0, errno.EPERM))
    steps += _looked_at(architecture.clone, 0, _unless(BITS, CLONE_THREAD, errno.EPERM))
    steps += _looked_at(architecture.openat, 2, _if(BITS, WRITING, errno.EACCES))
    if architecture.open is not None:
        steps += _looked_at(architecture.open, 1, _if(BITS, WRITING, errno.EACCES))
    return [*steps, _Step(RETURN, 0, 0, ALLOW)]


def _if(test: int, value: int, error: int) -> list[_Step]:
    return [_Step(test, 0, 1, value), _Step(RETURN, 0, 0, FAIL | error)]


def _unless(test: int, value: int, error: int) -> list[_Step]:
    return [_Step(test, 1, 0, value), _Step(RETURN, 0, 0, FAIL | error)]


def _looked_at(number: int, argument: int, test: list[_Step]) -> list[_Step]:
    """`test` on the low half of an argument, for one call only; then the call's number is loaded again for the next test."""
    inner = [_Step(LOAD, 0, 0, ARGUMENTS + 8 * argument), *test, _Step(LOAD, 0, 0, NUMBER)]
    return [_Step(EQUAL, 0, len(inner), number), *inner]


def _prctl(option: int, *arguments: object) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    padded = [argument if not isinstance(argument, int) else ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0)]
    return bool(libc.prctl(option, *padded[:4]) == 0)
