/* An extension that decodes for long keeps its own session waiting, and no other: with one thread of the library or with
 * several. usage: THREADS */

#define _GNU_SOURCE
#include "recording.h"
#include "steered.h"
#include <unistd.h>

enum { OTHERS = 20, ROUNDS = 60 };

static sem_t decoding, may_decode, slow_told, told;

static int32_t encode(void *instance, const ws_extension_piece *piece, uint32_t *rsv, ws_sink *output)
{
    (void)instance;
    *rsv = 0;
    return ws_sink_write(output, piece->data, piece->size);
}

static int32_t decode(void *instance, const ws_extension_piece *piece, ws_sink *output)
{
    (void)instance;
    if (piece->size != 0) {
        CHECK_EQ(sem_post(&decoding), 0);
        wait_for(&may_decode);
    }
    return ws_sink_write(output, piece->data, piece->size);
}

static void on_frame(ws_session *session, const ws_frame *frame, void *user_data)
{
    (void)session;
    (void)frame;
    CHECK_EQ(sem_post(user_data), 0);
}

int main(int count, char **arguments)
{
    CHECK_EQ(count, 2);
    CHECK_OK(ws_set_worker_threads((uint32_t)atoi(arguments[1])));
    sem_t *semaphores[] = {&decoding, &may_decode, &slow_told, &told};
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(sem_init(semaphores[i], 0, 0), 0);
    ws_callbacks callbacks = {.struct_size = sizeof callbacks, .on_frame = on_frame};
    ws_extension_vtable slow_extension = {
        .struct_size = sizeof slow_extension,
        .name = "x-slow",
        .encode = encode,
        .decode = decode,
    };

    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, &slow_told));
    CHECK_OK(ws_config_install_extension(config, &slow_extension, NULL));
    char url[256];
    snprintf(url, sizeof url, "%sextension", environment("STEERED_WS_URL"));
    ws_session *blocked = connect_to(url, environment("STEERED_CA_FILE"), config);
    CHECK_EQ(ws_extension_count(blocked), 1);
    ws_config_free(config);

    ws_session *others[OTHERS];
    config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, &told));
    for (unsigned i = 0; i < OTHERS; i++)
        others[i] = connect_steered(PLAIN, config);
    ws_config_free(config);

    for (unsigned round = 0; round < ROUNDS; round++) {
        /* All of it is there when a thread looks. */
        STEER("everyone %d texts 1 10", (int)getpid());
        wait_for(&decoding);
        for (unsigned i = 0; i < OTHERS; i++)
            wait_for(&told);
        CHECK(sem_trywait(&slow_told) != 0);
        CHECK_EQ(sem_post(&may_decode), 0);
        wait_for(&slow_told);
    }
    ws_abort(blocked);
    ws_session_free(blocked);
    for (unsigned i = 0; i < OTHERS; i++) {
        ws_abort(others[i]);
        ws_session_free(others[i]);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
