/* Stands in for GLib's header of this name where there is none, so that c_examples/glib.c is compiled and run all the
 * same: what that program needs, with GLib's names and types, for one descriptor. */

#ifndef GLIB_UNIX_H
#define GLIB_UNIX_H

#include <poll.h>
#include <stdlib.h>

#define FALSE 0
#define G_SOURCE_REMOVE 0
#define G_SOURCE_CONTINUE 1

typedef int gint;
typedef int gboolean;
typedef unsigned guint;
typedef void *gpointer;
typedef enum { G_IO_IN = POLLIN } GIOCondition;
typedef gboolean (*GUnixFDSourceFunc)(gint fd, GIOCondition condition, gpointer user_data);
typedef struct GMainContext GMainContext;

typedef struct GMainLoop {
    int has_quit;
} GMainLoop;

static struct {
    struct pollfd entry;
    GUnixFDSourceFunc function;
    gpointer user_data;
} glib_source = {.entry = {.fd = -1}};

static inline GMainLoop *g_main_loop_new(GMainContext *context, gboolean is_running)
{
    (void)context, (void)is_running;
    GMainLoop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        abort();
    return loop;
}

static inline guint g_unix_fd_add(gint fd, GIOCondition condition, GUnixFDSourceFunc function, gpointer user_data)
{
    glib_source.entry = (struct pollfd){.fd = fd, .events = (short)condition};
    glib_source.function = function;
    glib_source.user_data = user_data;
    return 1;
}

static inline void g_main_loop_run(GMainLoop *loop)
{
    while (!loop->has_quit) {
        if (poll(&glib_source.entry, 1, -1) == 1 &&
            glib_source.function(glib_source.entry.fd, G_IO_IN, glib_source.user_data) == G_SOURCE_REMOVE)
            glib_source.entry.fd = -1;
    }
}

static inline void g_main_loop_quit(GMainLoop *loop)
{
    loop->has_quit = 1;
}

static inline void g_main_loop_unref(GMainLoop *loop)
{
    free(loop);
}

#endif
