/* Round-trip times of pings, as ping(8) shows them. */

#ifndef LATENCY_H
#define LATENCY_H

#include "conversation.h"

exit_status latency_run(conversation *talk);

#endif
