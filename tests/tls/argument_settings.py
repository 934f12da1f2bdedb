"""What every setting refuses."""

from api import SETTERS
from checking import equal
from ktorws_ctypes import Status, lib
from lab_client import configured
from settings import setting


@setting("arguments/no configuration")
def _(lab):
    right = {
        "add_tls_ca_dir": (lab.directory.encode(),),
        "set_tls_client_cert_file": (lab.path("client.pem").encode(), None),
        "set_tls_client_cert_pem": (lab["client"].pem, len(lab["client"].pem), lab["client"].key_pem(), (1 << 64) - 1),
        "add_tls_crl_file": (lab.crl,),
        "set_tls_min_version": (0x0303,),
        "set_tls_alpn": (b"http/1.1",),
        "add_tls_pin_sha256": (b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",),
        "set_tls_key_log_file": (lab.path("no-configuration.keys").encode(),),
        "set_tls_timeout_ms": (1000,),
    }
    equal("settings", set(right), {name for name in SETTERS if "_tls_" in name})
    with configured(lab) as configuration:
        for name, arguments in right.items():
            equal(f"ws_config_{name}", configuration.call(name, *arguments), Status.OK)
            equal(
                f"ws_config_{name} of NULL",
                getattr(lib, "ws_config_" + name)(None, *arguments),
                Status.INVALID_ARGUMENT,
            )
