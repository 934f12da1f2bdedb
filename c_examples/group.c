/* Receives from many servers with one thread and no event loop: a group gives the messages of all its sessions.
 *
 *     group CA_FILE URL...
 *
 * An empty CA_FILE means the system's trust store. Every message is printed behind the number of its URL. The program
 * ends when all sessions have ended: with 0 if each of them was closed in an orderly way. */

#include <ktorws.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Starts to open a session for each URL; all are being opened at the same time. Returns how many could not. */
static int open_all(const ws_config *config, int count, char **urls)
{
    int failed = 0;
    for (int i = 0; i < count; i++) {
        ws_session *session = NULL;
        ws_status status = ws_connect_async(urls[i], config, &session);
        if (status != WS_OK) {
            fprintf(stderr, "group: cannot connect to %s: %s\n", urls[i], ws_strerror(status));
            failed++;
            continue;
        }
        /* What the program knows a session by. It could be a pointer to anything. */
        ws_set_user_data(session, (void *)(intptr_t)(i + 1));
    }
    return failed;
}

/* Prints what comes until no session is left. Returns how many were not closed in an orderly way. */
static int receive_all(ws_group *group)
{
    int broken = 0;
    while (ws_group_size(group) > 0) {
        ws_session *session = NULL;
        ws_frame *frame = NULL;
        ws_status status = ws_group_recv(group, &session, &frame, -1);
        /* Without a session the status is that of the call itself. */
        if (session == NULL) {
            fprintf(stderr, "group: receiving: %s\n", ws_strerror(status));
            return broken + 1;
        }
        int number = (int)(intptr_t)ws_user_data(session);
        if (status == WS_OK) {
            if (frame->type == WS_TEXT)
                printf("%d: %s\n", number, (const char *)frame->data);
            else
                printf("%d: (%zu bytes of binary data)\n", number, frame->size);
            ws_frame_free(frame);
            continue;
        }
        /* The last thing that comes of a session: it has ended, or could not be opened. */
        if (status != WS_ERR_CLOSED) {
            const ws_error *error = ws_session_error(session);
            fprintf(stderr, "group: %d: %s\n", number, error != NULL ? ws_error_message(error) : ws_strerror(status));
            broken++;
        }
        ws_session_free(session);
    }
    return broken;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: group CA_FILE URL...\n");
        return 2;
    }

    ws_group *group = ws_group_new();
    ws_config *config = ws_config_new();
    int broken = 1;
    if (group == NULL || config == NULL)
        fprintf(stderr, "group: no memory\n");
    else if (argv[1][0] != '\0' && ws_config_set_tls_ca_file(config, argv[1]) != WS_OK)
        fprintf(stderr, "group: cannot use the CA file %s\n", argv[1]);
    else if (ws_config_set_group(config, group) != WS_OK)
        fprintf(stderr, "group: cannot use the group\n");
    else {
        broken = open_all(config, argc - 2, argv + 2);
        broken += receive_all(group);
    }
    ws_config_free(config);
    /* It would end sessions that were left. */
    ws_group_free(group);
    return broken == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
