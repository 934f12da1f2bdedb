/* How much an echo server takes and gives back. */

#ifndef THROUGHPUT_H
#define THROUGHPUT_H

#include "conversation.h"

exit_status throughput_run(conversation *talk);

#endif
