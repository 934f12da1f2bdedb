#include "message.h"

#include "json.h"
#include "output.h"
#include "screen.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As much of a binary message as a terminal shows. */
enum { DUMPED = 1024, ROW = 16 };

static void write_json(const ws_frame *frame)
{
    bool is_text = frame->type == WS_FRAME_TEXT;
    json_begin("message");
    json_string("type", is_text ? "text" : "binary");
    json_number("size", frame->size);
    if (is_text)
        json_text("text", (const char *)frame->data, frame->size);
    else
        json_base64("base64", frame->data, frame->size);
    json_end();
}

static void dump_row(const uint8_t *data, size_t size, size_t offset)
{
    output_print("  %08zx ", offset);
    for (size_t i = 0; i < ROW; i++) {
        if (i < size)
            output_print(" %02x", data[i]);
        else
            output_print("   ");
    }
    output_print("  ");
    for (size_t i = 0; i < size; i++)
        output_print("%c", data[i] >= 0x20 && data[i] < 0x7F ? data[i] : '.');
    output_print("\n");
}

static void dump(const ws_frame *frame)
{
    output_print("(%zu bytes, binary)\n", frame->size);
    for (size_t i = 0; i < frame->size && i < DUMPED; i += ROW)
        dump_row(frame->data + i, frame->size - i < ROW ? frame->size - i : ROW, i);
    if (frame->size > DUMPED)
        output_print("  (%zu bytes more)\n", frame->size - DUMPED);
}

static void write_terminal(const ws_frame *frame, bool is_marked)
{
    output_begin();
    if (is_marked)
        output_print("%s<%s ", screen_colour(STDOUT_FILENO, CYAN), screen_colour(STDOUT_FILENO, PLAIN));
    if (frame->type == WS_FRAME_BINARY) {
        dump(frame);
        output_end();
        return;
    }
    /* Line by line: what controls a terminal is made visible, but lines stay lines. */
    const char *line = (const char *)frame->data;
    size_t left = frame->size;
    for (;;) {
        const char *end = memchr(line, '\n', left);
        size_t length = end == NULL ? left : (size_t)(end - line);
        size_t shown_size;
        char *shown = printable(line, length, &shown_size);
        output_write(shown, shown_size);
        output_write("\n", 1);
        free(shown);
        if (end == NULL)
            break;
        line = end + 1;
        left -= length + 1;
    }
    output_end();
}

static void write_framed(const options *chosen, const ws_frame *frame)
{
    output_begin();
    if (chosen->framing == FRAMING_LENGTH) {
        size_t size = frame->size;
        uint8_t prefix[] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
        output_write(prefix, sizeof prefix);
    }
    output_write(frame->data, frame->size);
    if (chosen->framing == FRAMING_NUL)
        output_write("", 1);
    else if (chosen->framing == FRAMING_LINES || (chosen->framing == FRAMING_ONE && !chosen->is_binary))
        output_write("\n", 1);
    output_end();
}

void message_show(const options *chosen, const ws_frame *frame, bool is_marked)
{
    if (chosen->is_json)
        write_json(frame);
    else if (output_is_terminal)
        write_terminal(frame, is_marked);
    else
        write_framed(chosen, frame);
}

static const char *control_name(uint32_t type)
{
    return type == WS_FRAME_PING ? "ping" : type == WS_FRAME_PONG ? "pong" : "close";
}

void control_show(const options *chosen, const ws_frame *frame)
{
    if (chosen->is_json) {
        json_begin(control_name(frame->type));
        json_number("size", frame->size);
        if (frame->type == WS_FRAME_CLOSE) {
            json_number("code", frame->close_code);
            json_text("reason", (const char *)frame->data, frame->size);
        } else {
            json_base64("base64", frame->data, frame->size);
        }
        json_end();
        return;
    }
    if (frame->type == WS_FRAME_CLOSE) {
        note('<', "close %u %s", frame->close_code, (const char *)frame->data);
        return;
    }
    char digits[2 * 125 + 1] = "";
    for (size_t i = 0; i < frame->size && i < 125; i++)
        sprintf(digits + 2 * i, "%02x", frame->data[i]);
    note('<', "%s, %zu bytes %s", control_name(frame->type), frame->size, digits);
}
