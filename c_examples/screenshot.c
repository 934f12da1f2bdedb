/* A picture of a web page, taken by a Chromium that is told what to do through its DevTools protocol.
 *
 *     chromium --headless --remote-debugging-port=0 --user-data-dir=DIRECTORY &
 *     screenshot DIRECTORY/DevToolsActivePort PAGE_URL PNG_FILE
 *
 * Commands and answers are JSON in text messages; the picture comes in one of them, as base64. */

#include <ktorws.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 30000, ID_SIZE = 64 };
static const uint64_t largest_message = (uint64_t)256 << 20;

typedef struct {
    ws_session *session;
    int commands;
    /* The page's session within the protocol, "" before there is one. */
    char page[ID_SIZE];
    /* What the last page to be loaded completely was loaded by. */
    char loaded[ID_SIZE];
} devtools;

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "screenshot: %s: %s\n", what, why);
    return 0;
}

/* --- as much of JSON as it takes to find a member of an object --- */

static const char *skip_string(const char *at)
{
    for (at++; *at != '"' && *at != '\0'; at++)
        if (*at == '\\' && at[1] != '\0')
            at++;
    return *at == '"' ? at + 1 : at;
}

static const char *skip_value(const char *at)
{
    int depth = 0;
    while (*at != '\0') {
        if (depth == 0 && (*at == ',' || *at == '}' || *at == ']'))
            return at;
        depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
        at = *at == '"' ? skip_string(at) : at + 1;
    }
    return at;
}

/* Where the value of a member begins; NULL where there is none, and for NULL. Chromium writes no white space. */
static const char *member(const char *object, const char *name)
{
    size_t length = strlen(name);
    if (object == NULL || *object != '{')
        return NULL;
    for (const char *at = object + 1; *at == '"';) {
        const char *value = skip_string(at);
        if (*value != ':')
            return NULL;
        if (strncmp(at + 1, name, length) == 0 && at + 1 + length == value - 1)
            return value + 1;
        at = skip_value(value + 1);
        if (*at == ',')
            at++;
    }
    return NULL;
}

/* A string without its quotes; an empty one where there is none, or one that is too long. */
static void copy_string(char out[ID_SIZE], const char *value)
{
    size_t length = value != NULL && *value == '"' ? (size_t)(skip_string(value) - value) : 0;
    length = length >= 2 && length - 2 < ID_SIZE ? length - 2 : 0;
    memcpy(out, length > 0 ? value + 1 : "", length);
    out[length] = '\0';
}

/* --- the protocol --- */

/* The next message; what it tells of the page is noted. NULL after an error. */
static ws_frame *next_message(devtools *self)
{
    ws_frame *frame = NULL;
    ws_status status = ws_recv(self->session, &frame, PATIENCE_MS);
    if (status != WS_OK) {
        fail("receiving", ws_strerror(status));
        return NULL;
    }
    const char *json = (const char *)frame->data;
    char method[ID_SIZE], name[ID_SIZE];
    copy_string(method, member(json, "method"));
    copy_string(name, member(member(json, "params"), "name"));
    if (strcmp(method, "Page.lifecycleEvent") == 0 && strcmp(name, "load") == 0)
        copy_string(self->loaded, member(member(json, "params"), "loaderId"));
    return frame;
}

/* Sends a command with its parameters, as printf takes them, and returns the answer's frame; NULL after an error. */
static ws_frame *command(devtools *self, const char *method, const char *parameters, ...)
{
    char head[3 * ID_SIZE];
    int id = ++self->commands;
    snprintf(head, sizeof head, "{\"id\":%d,\"method\":\"%s\",%s%s%s\"params\":", id, method,
             self->page[0] != '\0' ? "\"sessionId\":\"" : "", self->page, self->page[0] != '\0' ? "\"," : "");
    va_list list;
    va_start(list, parameters);
    int size = vsnprintf(NULL, 0, parameters, list);
    va_end(list);
    char *text = size < 0 ? NULL : malloc(strlen(head) + (size_t)size + 2);
    if (text == NULL) {
        fail(method, "no memory");
        return NULL;
    }
    strcpy(text, head);
    va_start(list, parameters);
    vsnprintf(text + strlen(head), (size_t)size + 1, parameters, list);
    va_end(list);
    strcat(text, "}");
    ws_status status = ws_send_text(self->session, text, WS_NUL_TERMINATED);
    free(text);
    if (status != WS_OK) {
        fail(method, ws_strerror(status));
        return NULL;
    }

    ws_frame *frame;
    while ((frame = next_message(self)) != NULL) {
        const char *json = (const char *)frame->data;
        const char *answered = member(json, "id");
        if (answered != NULL && atoi(answered) == id) {
            if (member(json, "error") == NULL)
                return frame;
            fail(method, json);
            ws_frame_free(frame);
            return NULL;
        }
        ws_frame_free(frame);
    }
    return NULL;
}

/* Of a command that is answered with a string which is needed. Returns whether there is one. */
static int take(ws_frame *answer, const char *name, char out[ID_SIZE])
{
    if (answer == NULL)
        return 0;
    copy_string(out, member(member((const char *)answer->data, "result"), name));
    ws_frame_free(answer);
    return out[0] != '\0' || fail("no answer that is understood", name);
}

static int load_page(devtools *self, const char *url)
{
    if (url[strcspn(url, "\"\\\n\r\t")] != '\0')
        return fail(url, "quotation marks, backslashes and control characters are not part of a URL");
    ws_frame *answer = command(self, "Page.navigate", "{\"url\":\"%s\"}", url);
    if (answer == NULL)
        return 0;
    char error[ID_SIZE], loader[ID_SIZE];
    copy_string(error, member(member((const char *)answer->data, "result"), "errorText"));
    if (error[0] != '\0') {
        ws_frame_free(answer);
        return fail(url, error);
    }
    if (!take(answer, "loaderId", loader))
        return 0;
    while (strcmp(self->loaded, loader) != 0) {
        ws_frame *frame = next_message(self);
        if (frame == NULL)
            return 0;
        ws_frame_free(frame);
    }
    return 1;
}

/* --- the picture --- */

/* Writes what the base64 between quotation marks stands for. Returns whether all of it was written. */
static int write_decoded(const char *base64, FILE *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    int count = 0;
    for (base64++; *base64 != '"' && *base64 != '='; base64++) {
        const char *digit = *base64 != '\0' ? strchr(digits, *base64) : NULL;
        if (digit == NULL)
            return 0;
        bits = bits << 6 | (uint32_t)(digit - digits);
        count += 6;
        if (count >= 8) {
            count -= 8;
            if (putc((int)(bits >> count & 0xff), out) == EOF)
                return 0;
        }
    }
    return 1;
}

static int save(const ws_frame *answer, const char *path)
{
    const char *base64 = member(member((const char *)answer->data, "result"), "data");
    if (base64 == NULL || *base64 != '"')
        return fail("no answer that is understood", "data");
    FILE *out = fopen(path, "wb");
    if (out == NULL)
        return fail(path, "cannot be written");
    int written = write_decoded(base64, out);
    /* what is wrong with the disk may come out last */
    if (fclose(out) != 0 || !written) {
        remove(path);
        return fail(path, "cannot be written");
    }
    printf("%s: from a message of %zu bytes\n", path, answer->size);
    return 1;
}

static int take_screenshot(devtools *self, const char *url, const char *path)
{
    char target[ID_SIZE];
    if (!take(command(self, "Target.createTarget", "{\"url\":\"about:blank\"}"), "targetId", target))
        return 0;
    /* From here on commands are for the page. */
    char page[ID_SIZE];
    if (!take(command(self, "Target.attachToTarget", "{\"targetId\":\"%s\",\"flatten\":true}", target), "sessionId",
              page))
        return 0;
    memcpy(self->page, page, sizeof page);
    static const char *const preparations[][2] = {
        {"Page.enable", "{}"},
        {"Page.setLifecycleEventsEnabled", "{\"enabled\":true}"},
        {"Emulation.setDeviceMetricsOverride",
         "{\"width\":1600,\"height\":1200,\"deviceScaleFactor\":1,\"mobile\":false}"},
    };
    for (size_t i = 0; i < sizeof preparations / sizeof preparations[0]; i++) {
        ws_frame *answer = command(self, preparations[i][0], "%s", preparations[i][1]);
        if (answer == NULL)
            return 0;
        ws_frame_free(answer);
    }
    int saved = 0;
    ws_frame *answer = load_page(self, url) ? command(self, "Page.captureScreenshot", "{\"format\":\"png\"}") : NULL;
    if (answer != NULL)
        saved = save(answer, path);
    ws_frame_free(answer);
    self->page[0] = '\0';
    ws_frame_free(command(self, "Target.closeTarget", "{\"targetId\":\"%s\"}", target));
    return saved;
}

/* The browser writes its port into the file, and in the next line the path of its WebSocket. */
static int read_url(const char *file, char url[256])
{
    char path[128] = "";
    unsigned port = 0;
    FILE *in = fopen(file, "r");
    int count = in == NULL ? 0 : fscanf(in, "%5u %127s", &port, path);
    if (in != NULL)
        fclose(in);
    if (count != 2)
        return fail(file, "is not written by a Chromium with --remote-debugging-port");
    snprintf(url, 256, "ws://127.0.0.1:%u%s", port, path);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: screenshot DEVTOOLS_ACTIVE_PORT PAGE_URL PNG_FILE\n");
        return 2;
    }
    char url[256];
    if (!read_url(argv[1], url))
        return EXIT_FAILURE;
    ws_config *config = ws_config_new();
    if (config == NULL) {
        fail("no configuration", "no memory");
        return EXIT_FAILURE;
    }
    ws_config_set_max_message_size(config, largest_message);
    ws_config_set_max_frame_size(config, largest_message);
    /* No Origin is sent unless one is set: Chromium answers 403 to one that it was not told of. */
    devtools self = {0};
    ws_error *error = NULL;
    ws_status status = ws_connect(url, config, &self.session, &error);
    ws_config_free(config);
    if (status != WS_OK) {
        fail("cannot connect", ws_error_message(error));
        ws_error_free(error);
        return EXIT_FAILURE;
    }
    int saved = take_screenshot(&self, argv[2], argv[3]);
    ws_session_end(self.session, -1);
    return saved ? EXIT_SUCCESS : EXIT_FAILURE;
}
