/*
 * The floor under the addon: the same commands from plain C, one after another, through the same
 * device (a real one, or the preloaded stand-in). Prints the median of the microseconds a command
 * took, one line a round.
 *
 *   cc -O2 -Wall -Wextra -o build/ioctl-loop bench/native/ioctl-loop.c
 *   LD_PRELOAD=build/Release/libfake-xde.so build/ioctl-loop <device> [commands, 1000] [rounds, 9] [version, 41]
 *
 * A failed command counts too (on /dev/null all fail with ENOTTY); how many is said on stderr.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* opte-api OpteCmdIoctl; native/opte/command.h has it with its proofs. */
struct command {
  uint64_t api_version;
  int32_t cmd;
  int32_t padding;
  uint64_t flags;
  uint64_t reserved1;
  const void *req_bytes;
  uint64_t req_len;
  void *resp_bytes;
  uint64_t resp_len;
  uint64_t resp_len_actual;
};

#if defined(__sun) || (defined(__linux__) && !defined(__GLIBC__))
#define REQUEST ((int)0xde777701U)
#else
#define REQUEST 0xde777701UL
#endif

/* ListPorts: no body. */
enum { LIST_PORTS = 1, CAPACITY = 16 * 1024 };

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s <device> [commands] [rounds] [version]\n", argv[0]);
    return 2;
  }
  const long commands = argc > 2 ? atol(argv[2]) : 1000;
  const long rounds = argc > 3 ? atol(argv[3]) : 9;
  const long version = argc > 4 ? atol(argv[4]) : 41;
  if (commands < 1 || rounds < 1 || version < 0) {
    fprintf(stderr, "commands and rounds must be at least 1\n");
    return 2;
  }
  const int fd = open(argv[1], O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    fprintf(stderr, "open %s: %s\n", argv[1], strerror(errno));
    return 1;
  }
  double *took = malloc((size_t)commands * sizeof(*took));
  char *reply = malloc(CAPACITY);
  if (took == NULL || reply == NULL) return 1;

  long failed = 0;
  int last_error = 0;
  for (long round = 0; round < rounds; round++) {
    const double began = now_us();
    for (long i = 0; i < commands; i++) {
      const double before = now_us();
      struct command command = {0};
      command.api_version = (uint64_t)version;
      command.cmd = LIST_PORTS;
      command.resp_bytes = reply;
      command.resp_len = CAPACITY;
      if (ioctl(fd, REQUEST, &command) == -1) {
        failed++;
        last_error = errno;
      }
      took[i] = now_us() - before;
    }
    const double all = now_us() - began;
    qsort(took, (size_t)commands, sizeof(*took), ascending);
    printf("round %ld: median %.2f us a command, mean %.2f us\n", round + 1, took[commands / 2], all / (double)commands);
  }
  if (failed > 0) fprintf(stderr, "%ld commands failed, the last with: %s\n", failed, strerror(last_error));
  free(reply);
  free(took);
  close(fd);
  return 0;
}
