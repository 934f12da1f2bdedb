/* What happens to a session, told to people on standard error or to programs as JSON. */

#ifndef REPORT_H
#define REPORT_H

#include "conversation.h"
#include "options.h"

#include <ktorws.h>

/* It could not be opened. */
void report_failure(const options *chosen, const ws_error *error);

void report_opened(const options *chosen, const ws_session *session);

/* It has ended, and so does the command: nothing is reported after this. */
void report_end(const conversation *talk);

/* What else went wrong. */
void report_problem(const options *chosen, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
