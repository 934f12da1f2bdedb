/* Messages and control frames on standard output. */

#ifndef MESSAGE_H
#define MESSAGE_H

#include "options.h"

#include <ktorws.h>
#include <stdbool.h>

/* `is_marked`: as what comes in, beside what is typed. */
void message_show(const options *chosen, const ws_frame *frame, bool is_marked);

/* A ping, a pong or a Close; on standard error where standard output is for messages. */
void control_show(const options *chosen, const ws_frame *frame);

#endif
