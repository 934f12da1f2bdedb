#include "clock.h"

#include <time.h>

int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t now_ms(void)
{
    return now_us() / 1000;
}

int64_t ms_until(int64_t deadline_ms)
{
    int64_t left = deadline_ms - now_ms();
    return left > 0 ? left : 0;
}
