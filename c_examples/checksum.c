/* An extension of one's own: every message ends with a checksum, which the receiver checks and takes away.
 *
 *     checksum URL [MESSAGE]
 *
 * Sends a text message to an echo server that knows the extension and prints what comes back. */

#include <ktorws.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHECKSUM_SIZE = 8 };

/* Of a session: the message under way in each direction. The two may be worked on at the same time. */
typedef struct checksum {
    uint32_t sending;
    uint32_t receiving;
    /* The last bytes that have come, which may be the checksum. */
    uint8_t held[CHECKSUM_SIZE];
    size_t held_size;
} checksum;

/* FNV-1a. */
static const uint32_t empty = 0x811c9dc5;

static uint32_t add(uint32_t hash, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * 0x01000193;
    return hash;
}

static void write_digits(uint32_t hash, char digits[CHECKSUM_SIZE + 1])
{
    snprintf(digits, CHECKSUM_SIZE + 1, "%08x", (unsigned)hash);
}

static int32_t offer(void *user_data, ws_sink *parameters)
{
    const char *algorithm = user_data;
    ws_sink_write(parameters, "algorithm=", strlen("algorithm="));
    return ws_sink_write(parameters, algorithm, strlen(algorithm));
}

static int32_t negotiate(void *user_data, const char *parameters, void **instance)
{
    (void)user_data;
    if (strcmp(parameters, "algorithm=fnv1a") != 0)
        return WS_ERR_EXTENSION;
    checksum *made = calloc(1, sizeof *made);
    *instance = made;
    return made == NULL ? WS_ERR_NO_MEMORY : WS_OK;
}

static int32_t encode(void *instance, const ws_extension_piece *piece, uint32_t *rsv, ws_sink *output)
{
    checksum *own = instance;
    *rsv = 0;
    own->sending = add(piece->flags & WS_PIECE_FIRST ? empty : own->sending, piece->data, piece->size);
    ws_status status = ws_sink_write(output, piece->data, piece->size);
    if (status == WS_OK && piece->flags & WS_PIECE_LAST) {
        char digits[CHECKSUM_SIZE + 1];
        write_digits(own->sending, digits);
        status = ws_sink_write(output, digits, CHECKSUM_SIZE);
    }
    return status;
}

static int32_t decode(void *instance, const ws_extension_piece *piece, ws_sink *output)
{
    checksum *own = instance;
    if (piece->flags & WS_PIECE_FIRST) {
        own->receiving = empty;
        own->held_size = 0;
    }
    /* What was held and is followed by enough is not the checksum. */
    size_t known = own->held_size + piece->size;
    size_t passes = known > CHECKSUM_SIZE ? known - CHECKSUM_SIZE : 0;
    size_t of_held = passes < own->held_size ? passes : own->held_size;
    size_t of_piece = passes - of_held;
    own->receiving = add(add(own->receiving, own->held, of_held), piece->data, of_piece);
    if (ws_sink_write(output, own->held, of_held) != WS_OK || ws_sink_write(output, piece->data, of_piece) != WS_OK)
        return WS_ERR_EXTENSION;
    own->held_size -= of_held;
    memmove(own->held, own->held + of_held, own->held_size);
    memcpy(own->held + own->held_size, piece->data + of_piece, piece->size - of_piece);
    own->held_size += piece->size - of_piece;
    if (!(piece->flags & WS_PIECE_LAST))
        return WS_OK;
    char digits[CHECKSUM_SIZE + 1];
    write_digits(own->receiving, digits);
    return own->held_size == CHECKSUM_SIZE && memcmp(own->held, digits, CHECKSUM_SIZE) == 0 ? WS_OK : WS_ERR_EXTENSION;
}

static const ws_extension_vtable checksum_extension = {
    .struct_size = sizeof checksum_extension,
    .name = "x-checksum",
    .offer = offer,
    .negotiate = negotiate,
    .encode = encode,
    .decode = decode,
    .drop = free,
};

static int fail(const char *what, ws_status status)
{
    fprintf(stderr, "checksum: %s: %s\n", what, ws_strerror(status));
    return EXIT_FAILURE;
}

static int talk(ws_session *session, const char *message)
{
    const ws_extension *extension = ws_extension_find(session, "x-checksum");
    if (extension == NULL) {
        fprintf(stderr, "checksum: the server does not know the extension\n");
        return EXIT_FAILURE;
    }
    printf("agreed: %s; %s\n", extension->name, extension->parameters);
    ws_status status = ws_send_text(session, message, WS_NUL_TERMINATED);
    if (status != WS_OK)
        return fail("sending", status);
    ws_frame *frame = NULL;
    status = ws_recv(session, &frame, 5000);
    if (status != WS_OK)
        return fail("receiving", status);
    printf("received: %s\n", (const char *)frame->data);
    ws_frame_free(frame);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: checksum URL [MESSAGE]\n");
        return 2;
    }
    ws_config *config = ws_config_new();
    if (config == NULL)
        return fail("no configuration", WS_ERR_NO_MEMORY);
    ws_config_install_extension(config, &checksum_extension, "fnv1a");
    ws_session *session = NULL;
    ws_error *error = NULL;
    ws_status status = ws_connect(argv[1], config, &session, &error);
    ws_config_free(config);
    if (status != WS_OK) {
        fprintf(stderr, "checksum: cannot connect to %s: %s\n", argv[1], ws_error_message(error));
        ws_error_free(error);
        return EXIT_FAILURE;
    }
    int result = talk(session, argc > 2 ? argv[2] : "hello");
    ws_session_end(session, -1);
    return result;
}
