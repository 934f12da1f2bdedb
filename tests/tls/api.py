"""The part of the C API that this directory uses alone."""

from ctypes import c_char_p, c_int32, c_int64, c_size_t, c_uint16, c_void_p

from ktorws_ctypes import lib

TLS_1_2, TLS_1_3 = 0x0303, 0x0304

SETTERS = {
    "add_resolve": (c_char_p, c_uint16, c_char_p),
    "set_tls_timeout_ms": (c_int64,),
    "add_tls_ca_dir": (c_char_p,),
    "set_tls_client_cert_file": (c_char_p, c_char_p),
    "set_tls_client_cert_pem": (c_char_p, c_size_t, c_char_p, c_size_t),
    "add_tls_crl_file": (c_char_p,),
    "set_tls_min_version": (c_int32,),
    "set_tls_alpn": (c_char_p,),
    "add_tls_pin_sha256": (c_char_p,),
    "set_tls_key_log_file": (c_char_p,),
}
for _name, _arguments in SETTERS.items():
    _function = getattr(lib, "ws_config_" + _name)
    _function.restype, _function.argtypes = c_int32, (c_void_p, *_arguments)
