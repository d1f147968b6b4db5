"""What kind of drive a file is on, as far as the operating system says."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

MOUNTS = "/proc/mounts"
NETWORK = {
    *("nfs", "nfs3", "nfs4", "cifs", "smb3", "smbfs", "afs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs"),
    *("ncpfs", "coda", "orangefs", "pvfs2", "davfs", "vboxsf", "prl_fs", "fuse.sshfs", "fuse.glusterfs"),
    *("fuse.ceph", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse", "fuse.davfs", "fuse.vmhgfs-fuse", "fuse.cephfs"),
}


def network_file_system(file: Path, mounts: str = MOUNTS) -> str | None:
    """The name of the network file system that holds `file`; None for a local disk, and where it cannot be told."""
    path = os.path.realpath(file)
    if sys.platform == "win32":
        local = path.startswith(("\\\\?\\", "\\\\.\\")) and not path.startswith("\\\\?\\UNC\\")
        return "a network share" if path.startswith("\\\\") and not local else None
    try:
        lines = Path(mounts).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    longest, kind = "", None
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        # A space in a mount point is written \040; of two mounts at one place the later one is seen.
        where = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[1])
        inside = path == where or path.startswith(where.rstrip("/") + "/")
        if inside and len(where) >= len(longest):
            longest, kind = where, fields[2]
    return kind if kind in NETWORK else None
