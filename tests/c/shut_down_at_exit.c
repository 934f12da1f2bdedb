/* For LD_PRELOAD: at exit, the library's threads end before valgrind looks for what is lost. Otherwise one that is busy
 * with the end of a session may hold the only pointer to a part of it. */

#include <ktorws.h>

__attribute__((destructor)) static void shut_down(void)
{
    ws_shutdown(-1);
}
