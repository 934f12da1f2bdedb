"""Credentials against Apache, which stands in front of a WebSocket server: Basic, and Digest."""

import base64
import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from checking import HANG_S, equal, true
from http_api import Asked, refused
from ktorws_ctypes import Session, Status
from python_server import python_server
from web import works

APACHE = shutil.which("apache2", path=os.environ.get("PATH", "") + ":/usr/sbin")
MODULES = "/usr/lib/apache2/modules"
NAMES = "mpm_event authn_core authn_file authz_core authz_user auth_basic auth_digest proxy proxy_http proxy_wstunnel"
REALM, USER, PASSWORD = "a realm", "Mufasa", "Circle of Life"

CONFIGURATION = """
ServerName localhost
ServerRoot {directory}
PidFile {directory}/pid
Listen 127.0.0.1:{port}
ErrorLog {directory}/error.log
DefaultRuntimeDir {directory}
Mutex posixsem
StartServers 1
ServerLimit 1
MaxRequestWorkers 25
ProxyPass / {backend}/
<Location /basic>
    AuthType Basic
    AuthUserFile {directory}/basic
    AuthName "{realm}"
    Require valid-user
</Location>
<Location /digest>
    AuthType Digest
    AuthUserFile {directory}/digest
    AuthName "{realm}"
    Require valid-user
</Location>
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def write(directory, name, text):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        file.write(text)


@contextlib.contextmanager
def apache():
    """its URL, without a path"""
    with tempfile.TemporaryDirectory() as directory, python_server() as backend:
        port = free_port()
        # its children are another user where it is run by root
        os.chmod(directory, 0o755)
        modules = "".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so\n" for name in NAMES.split())
        user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
        filled = CONFIGURATION.format(directory=directory, port=port, backend=backend, realm=REALM)
        write(directory, "configuration", modules + user + filled)
        hashed = hashlib.md5(f"{USER}:{REALM}:{PASSWORD}".encode()).hexdigest()
        write(directory, "digest", f"{USER}:{REALM}:{hashed}\n")
        sha1 = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
        write(directory, "basic", f"{USER}:{{SHA}}{sha1}\n")
        command = [APACHE, "-f", os.path.join(directory, "configuration"), "-DFOREGROUND"]
        with subprocess.Popen(command) as process:
            try:
                wait_for(port, process)
                yield f"ws://127.0.0.1:{port}"
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(HANG_S)


def wait_for(port, process):
    limit = time.monotonic() + HANG_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > limit or process.poll() is not None:
                raise AssertionError("Apache does not start") from None
            time.sleep(0.01)


def opens_with(url, scheme, attempts=1):
    asked = Asked(lambda auth: equal("answer", auth.answer(scheme, USER, PASSWORD), Status.OK))
    with Session(url, **asked.setting) as session:
        works(session)
    asked.check(attempts)


def test_apache_takes_the_answers():
    with apache() as url:
        opens_with(f"{url}/basic", "basic")
        for target in ("/digest", "/digest?a=1&b=%22", "/digest/%20a,b"):
            opens_with(url + target, "digest")
        with Session(f"{url}/basic", set_basic_auth=(USER.encode(), PASSWORD.encode())) as session:
            works(session)
        wrong = Asked(lambda auth: auth.answer("digest", USER, "wrong") if auth.attempt < 3 else None)
        failure = refused(f"{url}/digest", 401, **wrong.setting)
        wrong.check(3)
        true("challenge", failure.http_fields["WWW-Authenticate"][0].startswith("Digest "), failure.http_fields)
