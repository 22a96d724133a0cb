"""Files that a user names: reading a pipe would wait for whoever writes into it."""

import errno
import stat
from pathlib import Path


def regular(path: Path) -> Path:
    """Return the path of a file that can be read to its end.

    Raises:
        OSError: it does not exist, or is a pipe, a socket or a device. Of a folder, opening it says
            what is wrong.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device; give a regular file")
    return path
