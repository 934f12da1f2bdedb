/* The ordinary use: standard input to the server, its messages to standard output. */

#ifndef TALK_H
#define TALK_H

#include "conversation.h"

exit_status talk_run(conversation *talk);

#endif
