"""A small file system of its own, in a mount namespace that goes away with the process."""

import subprocess

import pytest


def on_small_disk(folder, size, command):
    """Return `command` so that `folder` is a file system of `size` (such as 64k) for it; skips where that can't be."""
    for unshare in (["unshare", "-m"], ["unshare", "-rm"]):
        mount = [*unshare, "sh", "-c", f'mount -t tmpfs -o size={size} none "$0" && exec "$@"', str(folder)]
        try:
            if subprocess.run([*mount, "true"], capture_output=True, check=False).returncode == 0:
                return [*mount, *command]
        except FileNotFoundError:
            continue
    return pytest.skip("no mount namespaces here: run as root, or allow user namespaces")
