/* How a run of the traffic program ends: by a failure, or with its standard input. */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "traffic.h"

void fail(int status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("traffic: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(status);
}

void *enough(void *memory) {
    if (memory == NULL) fail(1, "out of memory");
    return memory;
}

int input_has_ended(void) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char dropped[256];
    return poll(&input, 1, 0) > 0 && read(STDIN_FILENO, dropped, sizeof dropped) <= 0;
}
