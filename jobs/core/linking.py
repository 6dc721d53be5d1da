"""The same file in two folders of a run, without its bytes twice where the file system can."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from jobs.core.artifact import kind
from jobs.core.room import require_space

LINK_ERRORS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP}


def link_or_copy(source: Path, target: Path) -> None:
    """A hard link, or a copy across file systems; nothing where no plain file is."""
    if kind(source) != "a file":
        return
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in LINK_ERRORS:
            raise
        require_space(target.parent, source.stat().st_size)
        shutil.copyfile(source, target)
