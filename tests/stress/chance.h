/* Choices that look random and follow from a seed. */

#ifndef CHANCE_H
#define CHANCE_H

#include <stdint.h>

/* Numbers that look random and follow from a seed (splitmix64). */
typedef struct chance {
    uint64_t state;
} chance;

static inline uint64_t roll(chance *self)
{
    uint64_t z = self->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 0 to limit - 1. */
static inline unsigned below(chance *self, unsigned limit)
{
    return (unsigned)(roll(self) % limit);
}

#endif
