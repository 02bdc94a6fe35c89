// What the parts of the probe share: the driver's ABI in the probe's own words, and calls that print what came of them.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct command {
  uint64_t api_version;
  int32_t cmd;
  uint64_t flags;
  uint64_t reserved1;
  const void *req_bytes;
  uint64_t req_len;
  void *resp_bytes;
  uint64_t resp_len;
  uint64_t resp_len_actual;
};
_Static_assert(sizeof(struct command) == 72, "the driver's ABI");

#define REQUEST 0xde777701UL
// The path of the device and the rest of the command line.
extern const char *device;
extern char **arguments;

// "ok", or the name of errno.
const char *outcome(int rc);
// Prints "ready" and waits for a line.
void ready(void);
// The device, or the end of the program.
int open_device(void);
// The command that most scenarios send: number 7 of version 41, with a request of 5 bytes and room for 64.
struct command usual(void);
void send_command(int fd, struct command *c);
void send_usual(int fd);

// Scenarios of probe-memory.c and probe-turns.c.
void echo(void);
void pointers(void);
void sandboxed(void);
void forked(void);
void threads(void);
void in_turns(void);
void bench(void);
