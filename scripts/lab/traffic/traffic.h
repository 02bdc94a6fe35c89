/* What the verbs of the traffic program share. */
#pragma once
#include <stdint.h>
#include <stddef.h>

/* Where Geneve goes: what xde would send underlay frames to. */
enum { PORT = 6081, MOST_NICS = 8 };
enum kind { DATA, END_MARK };

/* In network byte order. */
struct payload {
    uint32_t magic;
    uint32_t run;
    uint32_t seq;
    uint32_t kind;
};
#define MAGIC 0x534c4544u

/* Says why on standard error and ends. Status 2: wrong arguments. */
__attribute__((noreturn, format(printf, 2, 3))) void fail(int status, const char *format, ...);

/* The memory, which is there: else it fails. */
void *enough(void *memory);

/* Whether standard input has; what comes there before is dropped. */
int input_has_ended(void);

int send_all(int argc, char **argv);
int count_all(void);
int settle_all(int argc, char **argv);
int hold_all(int argc, char **argv);
