#include <ktorws.h>
