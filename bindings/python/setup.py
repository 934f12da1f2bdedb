"""Builds the extension module, and puts the library beside it.

KTORWS_LIBRARY is the library, KTORWS_INCLUDE the directory of its header; else those of this tree are taken. A source
distribution has the header, not the library.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
# Only a source distribution has it.
INFO = HERE / "PKG-INFO"
ROOT = HERE if INFO.exists() else HERE.parent.parent
LIBRARY = Path(os.environ.get("KTORWS_LIBRARY") or ROOT / "target/release/libktorws.so")
INCLUDE = os.environ.get("KTORWS_INCLUDE") or str(ROOT / "include")
# In the tree of the library nothing is left in the sources.
BUILD = ROOT / "target/python/build"
SONAME = "libktorws.so.0"


def version():
    if INFO.exists():
        return re.search(r"^Version: ([0-9.]+)$", INFO.read_text(encoding="utf-8"), re.MULTILINE)[1]
    return re.search(r'^version = "([0-9.]+)"$', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]


class BuildWithLibrary(build_ext):
    def run(self):
        if not LIBRARY.exists():
            raise SystemExit(f"there is no {LIBRARY}: set KTORWS_LIBRARY, or in the library's tree make build")
        package = Path(self.build_lib, "ktorws")
        package.mkdir(parents=True, exist_ok=True)
        library = package / SONAME
        shutil.copyfile(LIBRARY, library)
        # what is for debuggers is most of it
        if shutil.which("strip"):
            subprocess.run(["strip", library], check=True)
        for extension in self.extensions:
            extension.extra_objects = [str(library)]
        super().run()


class SdistWithHeader(sdist):
    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        include = Path(base_dir, "include")
        include.mkdir(exist_ok=True)
        shutil.copyfile(Path(INCLUDE, "ktorws.h"), include / "ktorws.h")


# What was built of files that are no more must not get into the wheel.
shutil.rmtree(BUILD, ignore_errors=True)
BUILD.mkdir(parents=True)
setup(
    version=version(),
    ext_modules=[
        Extension(
            "ktorws._ktorws",
            sorted(str(source.relative_to(HERE)) for source in HERE.glob("native/*.c")),
            include_dirs=[INCLUDE],
            depends=[str(HERE / "native/native.h")],
            extra_compile_args=[
                "-std=c11",
                "-D_GNU_SOURCE",
                "-O2",
                "-g0",
                "-fvisibility=hidden",
                "-Wno-cast-function-type",
            ],
            runtime_library_dirs=["$ORIGIN"],
            py_limited_api=True,
        )
    ],
    cmdclass={"build_ext": BuildWithLibrary, "sdist": SdistWithHeader},
    options={
        "bdist_wheel": {"py_limited_api": "cp311"},
        "build": {"build_base": str(BUILD)},
        "egg_info": {"egg_base": str(BUILD)},
    },
)
