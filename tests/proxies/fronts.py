"""nginx and HAProxy, which take TLS off in front of a server."""

import dataclasses
import os

from programs import Program, free_ports

# How long a tunnel may be idle behind /idle. A ping each 50 ms must keep one alive on a busy machine.
IDLE_MS = 2000
# A path for what has nobody behind it.
DOWN = "/down"


@dataclasses.dataclass
class Front:
    name: str
    port: int
    program: Program
    # what it answers when nobody is behind it
    down: int

    @property
    def base(self):
        return f"wss://localhost:{self.port}"


def nginx(environment, certificate, key, server, nobody):
    path, variables = environment.find("nginx")
    (port,) = free_ports(1)
    work = environment.work
    temporary = "\n".join(
        f"  {kind}_temp_path {work}/nginx.{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    log = environment.file("nginx.log", "")
    configuration = environment.file(
        "nginx.conf",
        f"""
{user}
daemon off;
worker_processes 1;
pid {work}/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
  access_log off;
{temporary}
  proxy_http_version 1.1;
  proxy_set_header Host $host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection upgrade;
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_tickets on;
    add_header X-Alpn "<$ssl_alpn_protocol>" always;
    location / {{ proxy_pass http://127.0.0.1:{server}; }}
    location /idle/ {{ proxy_pass http://127.0.0.1:{server}/; proxy_read_timeout {IDLE_MS}ms; }}
    location {DOWN} {{ proxy_pass http://127.0.0.1:{nobody}; }}
  }}
}}
""",
    )
    program = Program("nginx", [path, "-c", configuration, "-e", "stderr"], log, [port], variables)
    return Front("nginx", port, program, 502)


def haproxy(environment, both, server, nobody):
    """both: certificate and key in one file"""
    path, variables = environment.find("haproxy")
    (port,) = free_ports(1)
    configuration = environment.file(
        "haproxy.conf",
        f"""
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
  retries 0
frontend front
  bind 127.0.0.1:{port} ssl crt {both} alpn h2,http/1.1
  http-after-response set-header X-Alpn <%[ssl_fc_alpn]>
  use_backend idle if {{ path_beg /idle/ }}
  use_backend down if {{ path_beg {DOWN} }}
  default_backend server
backend server
  server echo 127.0.0.1:{server}
backend idle
  timeout tunnel {IDLE_MS}ms
  http-request replace-path /idle(/.*) \\1
  server echo 127.0.0.1:{server}
backend down
  server nobody 127.0.0.1:{nobody}
""",
    )
    log = environment.file("haproxy.log", "")
    program = Program("haproxy", [path, "-db", "-f", configuration], log, [port], variables)
    return Front("HAProxy", port, program, 503)
