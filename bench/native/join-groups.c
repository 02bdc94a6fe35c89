/*
 * The floor under memberships: N groups on each of the given interfaces, K groups a socket, from
 * plain C. Joins them, leaves them newest first; joins them again, leaves them oldest first. Prints
 * the milliseconds of each as one line of JSON. What the two ways of leaving differ by is the reason
 * for the order in native/os/memberships.h.
 *
 *   cc -O2 -Wall -Wextra -o build/join-groups bench/native/join-groups.c
 *   build/join-groups [--once] <groups> <groups a socket> <interface>...
 *
 * The groups are ff04::1 and on. Run it where nobody else's groups are on the interfaces, such as in
 * a network namespace (`unshare -n`, then `ip link add a0 type veth peer name b0`, and both up). After
 * leaving, the kernel keeps a remnant of each group until its reports are sent, for which the second
 * joining pays where it is an interface that sends any: hence the two figures for it. `--once` ends
 * after the first leaving.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SOCK_CLOEXEC
#define SOCK_CLOEXEC 0
#endif

struct plan {
  long groups;
  long each; /* groups a socket */
  int interfaces;
  unsigned *indexes;
  int *sockets;
  long count; /* of sockets */
};

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void fail(const char *what, long number) {
  fprintf(stderr, "%s %ld: %s\n", what, number, strerror(errno));
  exit(1);
}

static void member(const struct plan *plan, long group, int interface, int option) {
  struct ipv6_mreq request;
  memset(&request, 0, sizeof(request));
  const uint32_t number = (uint32_t)group + 1;
  request.ipv6mr_multiaddr.s6_addr[0] = 0xff;
  request.ipv6mr_multiaddr.s6_addr[1] = 0x04;
  for (int i = 0; i < 4; i++) request.ipv6mr_multiaddr.s6_addr[15 - i] = (uint8_t)(number >> (8 * i));
  request.ipv6mr_interface = plan->indexes[interface];
  if (setsockopt(plan->sockets[group / plan->each], IPPROTO_IPV6, option, &request, sizeof(request)) != 0) {
    fail(option == IPV6_JOIN_GROUP ? "joining group" : "leaving group", group);
  }
}

static double join(struct plan *plan) {
  const double began = now_ms();
  for (long group = 0; group < plan->groups; group++) {
    if (group % plan->each == 0) {
      const int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (fd < 0) fail("opening socket", group / plan->each);
      plan->sockets[group / plan->each] = fd;
    }
    for (int i = 0; i < plan->interfaces; i++) member(plan, group, i, IPV6_JOIN_GROUP);
  }
  return now_ms() - began;
}

static double leave(struct plan *plan, int newest_first) {
  const double began = now_ms();
  for (long n = 0; n < plan->groups; n++) {
    const long group = newest_first ? plan->groups - 1 - n : n;
    for (int i = 0; i < plan->interfaces; i++) member(plan, group, i, IPV6_LEAVE_GROUP);
  }
  const double took = now_ms() - began;
  for (long i = 0; i < plan->count; i++) close(plan->sockets[i]);
  return took;
}

int main(int argc, char **argv) {
  struct plan plan = {0};
  const int once = argc > 1 && strcmp(argv[1], "--once") == 0;
  argc -= once;
  argv += once;
  plan.groups = argc > 1 ? atol(argv[1]) : 0;
  plan.each = argc > 2 ? atol(argv[2]) : 0;
  plan.interfaces = argc - 3;
  if (plan.groups < 1 || plan.each < 1 || plan.interfaces < 1) {
    fprintf(stderr, "usage: join-groups [--once] <groups> <groups a socket> <interface>...\n");
    return 2;
  }
  plan.count = (plan.groups + plan.each - 1) / plan.each;
  plan.sockets = malloc((size_t)plan.count * sizeof(*plan.sockets));
  plan.indexes = malloc((size_t)plan.interfaces * sizeof(*plan.indexes));
  if (plan.sockets == NULL || plan.indexes == NULL) fail("memory for sockets", plan.count);
  for (int i = 0; i < plan.interfaces; i++) {
    plan.indexes[i] = if_nametoindex(argv[3 + i]);
    if (plan.indexes[i] == 0) {
      fprintf(stderr, "%s: there is no such interface\n", argv[3 + i]);
      return 1;
    }
  }

  const double first = join(&plan);
  const double newest = leave(&plan, 1);
  const double second = once ? 0 : join(&plan);
  const double oldest = once ? 0 : leave(&plan, 0);
  printf("{\"groups\":%ld,\"groupsPerSocket\":%ld,\"interfaces\":%d,\"joinMs\":%.3f,\"leaveNewestFirstMs\":%.3f,"
         "\"joinAgainMs\":%.3f,\"leaveOldestFirstMs\":%.3f}\n",
         plan.groups, plan.each, plan.interfaces, first, newest, second, oldest);
  free(plan.sockets);
  free(plan.indexes);
  return 0;
}
