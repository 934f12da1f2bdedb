/* Time that only goes forward. */

#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

int64_t now_us(void);
int64_t now_ms(void);

/* In how many milliseconds it is `deadline_ms`, not less than 0. */
int64_t ms_until(int64_t deadline_ms);

#endif
