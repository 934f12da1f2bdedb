/* Files that options name. What cannot be read is wrong usage, and the message says why. */

#ifndef FILES_H
#define FILES_H

/* All of a file, with a NUL behind it; it holds no other one. The caller frees it. */
char *file_read(const char *option, const char *path);

/* Whether it is there for the library to read. */
void file_check(const char *option, const char *path);

#endif
