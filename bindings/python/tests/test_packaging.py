"""The source distribution: what is built of it is what is built of the tree."""

import faulthandler
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from conftest import PATIENCE_S

PACKAGE = Path(__file__).resolve().parent.parent


def names(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def test_the_source_distribution_builds_and_writes_nothing_outside_its_tree(tmp_path):
    # A compiler beside other work takes longer than the tests may hang.
    faulthandler.dump_traceback_later(10 * PATIENCE_S, exit=True, file=sys.__stderr__)
    where = tmp_path / "a" / "b"
    made, wheels, scratch = where / "made", where / "wheels", where / "scratch"
    for directory in (made, wheels, scratch):
        directory.mkdir(parents=True)
    make = f"import setuptools.build_meta as backend; backend.build_sdist({str(made)!r})"
    subprocess.run([sys.executable, "-c", make], cwd=PACKAGE, check=True, capture_output=True)
    (archive,) = made.iterdir()
    with tarfile.open(archive) as files:
        files.extractall(where, filter="data")
    (tree,) = where.glob("ktorws-*")
    assert (tree / "include/ktorws.h").exists()
    archive.unlink()

    pip = ["pip", "wheel", "--quiet", "--no-build-isolation", "--no-index", "--no-deps", "--wheel-dir", str(wheels)]
    environment = {**os.environ, "TMPDIR": str(scratch)}
    subprocess.run([sys.executable, "-m", *pip, str(tree)], env=environment, check=True, capture_output=True)
    (wheel,) = wheels.iterdir()
    assert wheel.name.startswith(tree.name + "-cp311-abi3-")
    with zipfile.ZipFile(wheel) as files:
        packed = files.namelist()
    for name in ("_ktorws.abi3.so", "libktorws.so.0", "py.typed", "_ktorws.pyi", "asyncio.py", "sync.py"):
        assert f"ktorws/{name}" in packed
    wheel.unlink()
    around = [path for path in tmp_path.rglob("*") if tree not in (path, *path.parents) and scratch not in path.parents]
    assert sorted(around) == sorted((where.parent, where, made, wheels, scratch))
