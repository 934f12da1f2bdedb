#!/usr/bin/env bash
# run.sh DIRECTORY ECHO_SERVER PYTHON: builds the wheel of the library KTORWS_LIBRARY, installs it into an environment that has
# nothing else, and runs the tests there. Arguments behind are pytest's.
set -euo pipefail
directory=$1
echo_server=$2
python=$3
shift 3
package=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1

rm -rf "$directory/wheel" "$directory/venv"
"$python" -m pip wheel --quiet --no-build-isolation --no-index --no-deps --wheel-dir "$directory/wheel" "$package"
"$python" -m venv --without-pip "$directory/venv"
"$python" -m pip --quiet --python "$directory/venv/bin/python" install --no-index --no-deps "$directory"/wheel/ktorws-*.whl
cd "$directory"
venv/bin/python -c 'import ktorws.asyncio, ktorws.sync'

# what the tests need is where their peers are
site=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
PYTHONPATH=$site exec "$echo_server" -- venv/bin/python -m pytest "$package/tests" -c "$package/pyproject.toml" "$@"
