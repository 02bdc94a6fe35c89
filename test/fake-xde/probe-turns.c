// Scenarios of several processes, several threads, or several commands in turn.
#include "probe.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

void forked(void) {
  int fd = open_device();
  send_usual(fd);
  fflush(stdout);
  if (fork() == 0) {
    send_usual(fd);
    fflush(stdout);
    _exit(0);
  }
  wait(NULL);
  send_usual(fd);
}

static pthread_barrier_t together;
static void *thread(void *fd) {
  for (int i = 0; i < 50; i++) {
    struct command c = usual();
    char mine[64];
    c.resp_bytes = mine;
    if (ioctl(*(int *)fd, REQUEST, &c) || memcmp(mine, "hello", 5)) puts("wrong");
    if (i == 0) pthread_barrier_wait(&together);
  }
  return NULL;
}
void threads(void) {
  int fd = open_device();
  pthread_t ids[8];
  pthread_barrier_init(&together, NULL, 8);
  for (int i = 0; i < 8; i++) pthread_create(&ids[i], NULL, thread, &fd);
  for (int i = 0; i < 8; i++) pthread_join(ids[i], NULL);
  ready();
}

void in_turns(void) {
  int fd = open_device();
  for (int n = atoi(arguments[0]); n > 0; n--) {
    send_usual(fd);
    if (n > 1) ready();
  }
}

void bench(void) {
  int fd = open_device(), n = atoi(arguments[0]);
  struct timespec from, to;
  for (int i = -n / 10; i < n; i++) {
    if (i == 0) clock_gettime(CLOCK_MONOTONIC, &from);
    struct command c = usual();
    if (ioctl(fd, REQUEST, &c)) exit(1);
  }
  clock_gettime(CLOCK_MONOTONIC, &to);
  printf("%.1f us\n", ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / 1e3 / n);
}
