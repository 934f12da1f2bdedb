"""Real proxies, each with and without a user and a password."""

import dataclasses
import hashlib
import os
import pwd
import subprocess
from urllib.parse import quote

from programs import Missing, Program, crypted, free_ports

USER = "user"
PASSWORD = "secret"
# What has to be escaped in a URL and is more than ASCII.
ODD_PASSWORD = "a:b/c@d%e ?#é"
# The name of 127.0.0.1 that squid knows, and nobody else.
HIDDEN_NAME = "hidden.test"
# One that it does not know, and it has nobody to ask.
UNKNOWN_NAME = "unknown.test"
# Where squid and dante connect nobody to.
FORBIDDEN = "127.0.0.3"
# No server listens there.
NOBODY = "127.0.0.4"


@dataclasses.dataclass
class Proxy:
    """One way through a proxy. user and password: what it wants, None if it lets everybody through."""

    name: str
    scheme: str
    port: int
    program: Program
    user: str | None = None
    password: str | None = None

    def url(self, user=None, password=None, scheme=None):
        """with credentials if they are given"""
        who = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user is not None else ""
        return f"{scheme or self.scheme}://{who}localhost:{self.port}".encode()

    @property
    def right_url(self):
        return self.url(self.user, self.password)

    @property
    def is_socks(self):
        return self.scheme.startswith("socks")


def as_nobody():
    """what to start a program with that refuses to run as root; it keeps root's files"""
    if os.geteuid() != 0:
        return []
    command = ["unshare", "--map-user=65534", "--map-group=65534"]
    if not works([*command, "true"]):
        raise Missing("squid does not run as root, and user namespaces are not to be had")
    return command


def works(command):
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False


def squid(environment, certificate, key):
    """http and https, open and with a password"""
    path, variables = environment.find("squid")
    built = subprocess.run([path, "-v"], env={**os.environ, **variables}, capture_output=True, text=True).stdout
    if "--with-openssl" not in built:
        raise Missing("no squid with OpenSSL")
    root = path.removesuffix("/usr/sbin/squid")
    ports = free_ports(4)
    digest = hashlib.md5(ODD_PASSWORD.encode(), usedforsecurity=False).hexdigest()
    passwords = environment.file("squid.passwords", f"{USER}:{digest}\n")
    hosts = environment.file("squid.hosts", f"127.0.0.1 {HIDDEN_NAME}\n127.0.0.1 localhost\n")
    tls = f"tls-cert={certificate} tls-key={key}"
    configuration = environment.file(
        "squid.conf",
        f"""
http_port 127.0.0.1:{ports[0]}
https_port 127.0.0.1:{ports[1]} {tls}
http_port 127.0.0.1:{ports[2]}
https_port 127.0.0.1:{ports[3]} {tls}
auth_param basic program {root}/usr/lib/squid/basic_ncsa_auth {passwords}
auth_param basic realm lab
acl guarded localport {ports[2]} {ports[3]}
acl known proxy_auth REQUIRED
acl forbidden dst {FORBIDDEN}
http_access deny forbidden
http_access allow !guarded
http_access allow known
http_access deny all
hosts_file {hosts}
dns_nameservers 127.0.0.1
dns_timeout 100 milliseconds
dns_retransmit_interval 50 milliseconds
access_log stdio:{environment.work}/squid.log
logfile_rotate 0
cache_log /dev/null
pid_filename none
cache deny all
cache_mem 8 MB
coredump_dir {environment.work}
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
unlinkd_program {root}/usr/lib/squid/unlinkd
logfile_daemon {root}/usr/lib/squid/log_file_daemon
diskd_program {root}/usr/lib/squid/diskd
mime_table {root}/usr/share/squid/mime.conf
icon_directory {root}/usr/share/squid/icons
error_directory {root}/usr/share/squid-langpack/en
err_page_stylesheet {root}/etc/squid/errorpage.css
""",
    )
    log = environment.file("squid.log", "")
    # it shares memory with other squids of that name
    name = f"ktorws{os.getpid()}"
    command = [*as_nobody(), path, "-N", "-n", name, "-d", "1", "-f", configuration]
    program = Program("squid", command, log, ports, variables, leaves=f"/dev/shm/{name}-*")
    return [
        Proxy("squid", "http", ports[0], program),
        Proxy("squid, TLS", "https", ports[1], program),
        Proxy("squid with a password", "http", ports[2], program, USER, ODD_PASSWORD),
        Proxy("squid, TLS, with a password", "https", ports[3], program, USER, ODD_PASSWORD),
    ]


def tinyproxy(environment, name="tinyproxy", password=None):
    path, variables = environment.find("tinyproxy")
    (port,) = free_ports(1)
    authentication = f"BasicAuth {USER} {password}" if password else ""
    configuration = environment.file(
        f"{name}.conf",
        f"""
Port {port}
Listen 127.0.0.1
LogLevel Connect
PidFile "{environment.work}/{name}.pid"
{authentication}
""",
    )
    log = environment.file(f"{name}.log", "")
    program = Program(name, [path, "-d", "-c", configuration], log, [port], variables)
    return Proxy(name, "http", port, program, USER if password else None, password)


def tinyproxies(environment):
    return [tinyproxy(environment), tinyproxy(environment, "tinyproxy with a password", PASSWORD)]


def behind_tls(environment, proxies, pem):
    """HAProxy, which takes TLS off and passes on the bytes"""
    path, variables = environment.find("haproxy")
    ports = free_ports(len(proxies))
    sections = "".join(
        f"""
frontend front{port}
  bind 127.0.0.1:{port} ssl crt {pem}
  default_backend back{port}
backend back{port}
  server proxy 127.0.0.1:{proxy.port}
"""
        for port, proxy in zip(ports, proxies)
    )
    configuration = environment.file(
        "haproxy_tls.conf",
        f"""
defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
{sections}
""",
    )
    log = environment.file("haproxy_tls.log", "")
    program = Program("haproxy", [path, "-db", "-f", configuration], log, ports, variables)
    return [
        Proxy(f"haproxy and {proxy.name}", "https", port, program, proxy.user, proxy.password)
        for port, proxy in zip(ports, proxies)
    ]


def microsocks(environment):
    path, variables = environment.find("microsocks")
    found = []
    for name, who in (("microsocks", ()), ("microsocks with a password", (USER, ODD_PASSWORD))):
        (port,) = free_ports(1)
        options = ["-u", who[0], "-P", who[1]] if who else []
        command = [path, "-i", "127.0.0.1", "-p", str(port), *options]
        program = Program(name, command, environment.file(f"{name}.log", ""), [port], variables)
        found += [Proxy(f"{name}, {scheme}", scheme, port, program, *who) for scheme in ("socks5", "socks5h")]
    return found


def dante(environment, who=()):
    path, variables = environment.find("danted")
    name = "dante with a password" if who else "dante"
    account = "root" if who else pwd.getpwuid(os.geteuid()).pw_name
    (port,) = free_ports(1)
    configuration = environment.file(
        f"{name}.conf",
        f"""
logoutput: stdout
internal: 127.0.0.1 port = {port}
external: lo
clientmethod: none
socksmethod: {"username" if who else "none"}
user.privileged: {account}
user.unprivileged: {account}
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks block {{ from: 127.0.0.0/8 to: {FORBIDDEN}/32 log: connect error }}
socks pass {{ from: 127.0.0.0/8 to: 0/0 log: connect error }}
""",
    )
    command = [path, "-f", configuration, "-p", f"{environment.work}/{name}.pid"]
    if who:
        command = with_account(environment, *who) + command
    log = environment.file(f"{name}.log", "")
    program = Program(name, command, log, [port], variables)
    return [Proxy(f"{name}, {scheme}", scheme, port, program, *who) for scheme in ("socks5", "socks5h")]


def with_account(environment, user, password):
    """what starts a program for which the system has one account more: dante knows no others"""
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    if not works([*unshare, "true"]):
        raise Missing("dante wants an account of the system, and namespaces are not to be had")
    with open("/etc/passwd", encoding="utf-8") as accounts:
        passwd = environment.file("passwd", accounts.read() + f"{user}:x:4242:4242::/:/bin/false\n")
    shadow = environment.file("shadow", f"{user}:{crypted(password)}:19000::::::\n")
    script = 'mount --bind "$1" /etc/passwd && mount --bind "$2" /etc/shadow && shift 2 && exec "$@"'
    return [*unshare, "sh", "-c", script, "sh", passwd, shadow]


def start_all(environment, tls, skip):
    """every proxy that there is; skip is told of those that there are not. tls: paths of certificate, key and both"""

    def start(run, *arguments):
        try:
            return run(environment, *arguments)
        except Missing as why:
            skip(run.__name__, why)
            return []

    found = start(squid, *tls[:2])
    without_tls = start(tinyproxies)
    found += without_tls
    if without_tls:
        found += start(behind_tls, without_tls, tls[2])
    found += start(microsocks) + start(dante) + start(dante, (USER, PASSWORD))
    for proxy in found:
        proxy.program.wait_until_it_listens()
    return found
