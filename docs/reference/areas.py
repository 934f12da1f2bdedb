"""The parts of the API. Each is a page of the site, and what stands in it is related in the manual."""

from dataclasses import dataclass

from header import Header, HeaderError, Item


@dataclass
class Area:
    slug: str
    title: str
    about: str
    names: str  # or the beginnings of names, with a * behind them


AREAS = [
    Area("opening", "Opening a session", "From a URL to a session, waiting for it or not.", """
        ws_session ws_connect ws_connect_async ws_wait_open ws_config_interrupt ws_state ws_session_state ws_session_ref
        ws_session_free"""),
    Area("receiving", "Receiving", "Whole messages, on the caller's thread, or told by a descriptor.", """
        ws_recv ws_recv_into ws_recv_batch ws_event_fd ws_interrupt ws_is_closed_for_receive ws_frame ws_frame_type
        ws_frame_flags ws_frame_free ws_config_set_deliver_parts ws_config_set_deliver_events ws_event_frames
        ws_config_set_validate_utf8"""),
    Area("sending", "Sending", "Messages, fragments, batches, pings and pongs.", """
        ws_send_text ws_send_binary ws_send ws_sendv ws_send_batch ws_flush ws_buffered_amount ws_slice ws_message
        ws_send_flags WS_NUL_TERMINATED"""),
    Area("closing", "Closing", "The closing handshake, its codes, and other ends.", """
        ws_session_end ws_close ws_wait_closed ws_get_close_info ws_abort ws_close_info ws_close_code ws_close_initiator"""),
    Area("callbacks", "Callbacks", "Functions of yours that are called when something happens to a session.", """
        ws_callbacks ws_config_set_callbacks ws_recv_callback ws_frame_callback ws_drop_callback"""),
    Area("groups", "Groups", "Many sessions, received from by one thread.", """
        ws_group* ws_config_set_group"""),
    Area("reconnecting", "Reconnecting", "Sessions that outlive their connections.", """
        ws_config_set_reconnect ws_reconnect_* ws_attempt*"""),
    Area("errors", "Statuses and errors", "What functions return, and everything that is known about a failure.", """
        ws_status ws_status_name ws_strerror ws_error* ws_phase ws_session_error"""),
    Area("about", "About a session", "Its handshake, its numbers, and what an application keeps with it.", """
        ws_subprotocol ws_request_* ws_response_* ws_get_session_info ws_session_info ws_peer_certificate ws_get_stats ws_stats
        ws_set_user_data ws_get_user_data ws_config_set_user_data ws_session_id"""),
    Area("configurations", "Configurations", "Settings for sessions to come; what goes into the handshake.", """
        ws_config ws_config_new ws_config_clone ws_config_free ws_config_error ws_config_add_header ws_config_set_header
        ws_config_add_subprotocol ws_config_set_origin ws_config_set_user_agent"""),
    Area("addresses", "Addresses, sockets and proxies", "The way to the server.", """
        ws_config_set_proxy ws_config_set_proxy_from_env ws_config_add_resolve ws_config_set_local_address
        ws_config_set_unix_socket ws_config_set_socket_fd ws_config_set_tcp_*"""),
    Area("tls", "TLS", "Whom to trust, certificates of one's own, pins, versions.", """
        ws_config_add_tls_* ws_config_set_tls_* ws_tls_version"""),
    Area("credentials", "Credentials, cookies and redirects", "What the server wants to see before it agrees.", """
        ws_config_set_basic_auth ws_config_set_bearer_token ws_config_set_auth_callback ws_auth* ws_config_set_cookie_jar
        ws_cookie_jar* ws_config_set_max_redirects"""),
    Area("timeouts", "Time limits and pings", "How long anything may take, and signs of life.", """
        ws_config_set_open_timeout_ms ws_config_set_connect_timeout_ms ws_config_set_resolve_timeout_ms
        ws_config_set_handshake_timeout_ms ws_config_set_proxy_timeout_ms ws_config_set_tls_timeout_ms
        ws_config_set_send_timeout_ms ws_config_set_close_timeout_ms ws_config_set_idle_timeout_ms
        ws_config_set_ping_* ws_set_ping_* ws_get_ping_* ws_ping_liveness"""),
    Area("limits", "Limits and queues", "What a session may hold, and what happens when that is reached.", """
        ws_config_set_max_frame_size ws_config_set_max_message_size ws_set_max_* ws_get_max_* ws_config_set_incoming_queue
        ws_config_set_outgoing_queue ws_queue_policy ws_config_set_auto_fragment ws_config_set_coalescing
        ws_config_set_spin_us"""),
    Area("frames", "Control frames, raw sessions and masking", "Closer to the wire.", """
        ws_config_set_auto_pong ws_config_set_deliver_control ws_control_frames ws_config_set_raw ws_config_set_allow_unmasked
        ws_config_set_masking ws_set_masking ws_get_masking ws_start_default"""),
    Area("extensions", "Extensions", "permessage-deflate, and extensions of one's own.", """
        ws_config_install_* ws_deflate_* ws_get_deflate_info ws_extension* ws_piece_flags ws_sink*"""),
    Area("library", "The library", "Its version, features, threads, log and end.", """
        ws_version_* WS_VERSION_* ws_has_feature ws_set_worker_threads ws_shutdown ws_set_log_callback ws_log_*"""),
]


def sort(header: Header) -> dict[str, list[Item]]:
    """The items of each area. A whole name counts more than a beginning, and a longer beginning more than a shorter one."""
    patterns = {pattern: area.slug for area in AREAS for pattern in area.names.split()}
    found: dict[str, dict[str, list[Item]]] = {area.slug: {} for area in AREAS}
    for item in header.items.values():
        matching = [p for p in patterns if p == item.name or (p.endswith("*") and item.name.startswith(p[:-1]))]
        if not matching:
            raise HeaderError(f"docs/reference/areas.py: {item.name} is in none of the areas")
        best = max(matching, key=lambda pattern: (pattern == item.name, len(pattern)))
        found[patterns[best]].setdefault(best, []).append(item)
    for area in AREAS:
        for pattern in area.names.split():
            if pattern not in found[area.slug]:
                raise HeaderError(f"docs/reference/areas.py: there is no {pattern}")
    return {area.slug: [item for p in area.names.split() for item in found[area.slug][p]] for area in AREAS}
