/* Many feeds on one thread: prints the messages of all of them until each has ended.
 *
 *     group URL... */

#include <ktorws.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: group URL...\n");
        return 2;
    }
    ws_group *group = ws_group_new();
    ws_config *config = ws_config_new();
    if (group == NULL || config == NULL || ws_config_set_group(config, group) != WS_OK)
        return EXIT_FAILURE;
    for (int i = 1; i < argc; i++) {
        /* All of them are opened at the same time. One that cannot be is received as one that has ended. */
        ws_session *session = NULL;
        ws_config_set_user_data(config, argv[i]);
        ws_status status = ws_connect_async(argv[i], config, &session);
        if (status != WS_OK)
            fprintf(stderr, "group: %s: %s\n", argv[i], ws_strerror(status));
    }
    ws_config_free(config);

    int failures = 0;
    while (ws_group_size(group) > 0) {
        ws_session *session = NULL;
        ws_frame *frame = NULL;
        ws_status status = ws_group_recv(group, &session, &frame, -1);
        if (status == WS_OK) {
            printf("%s\n", (const char *)frame->data);
            ws_frame_free(frame);
            continue;
        }
        if (session == NULL)
            break;
        if (status != WS_ERR_CLOSED) {
            fprintf(stderr, "group: %s: %s\n", (const char *)ws_get_user_data(session), ws_strerror(status));
            failures++;
        }
        ws_session_free(session);
    }
    ws_group_free(group);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
