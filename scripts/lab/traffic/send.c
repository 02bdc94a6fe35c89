/* Datagrams to groups through NICs, at a rate. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "traffic.h"

struct nic {
    const char *name;
    unsigned index;
    int fd;
};

static void open_nic(struct nic *nic) {
    nic->index = if_nametoindex(nic->name);
    if (nic->index == 0) fail(1, "NIC %s: %s", nic->name, strerror(errno));
    nic->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int index = (int)nic->index, off = 0;
    if (nic->fd < 0 || setsockopt(nic->fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index) != 0 ||
        /* A member on the sending sled would see its own datagrams come back. */
        setsockopt(nic->fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof off) != 0)
        fail(1, "a socket for NIC %s: %s", nic->name, strerror(errno));
}

static void send_one(const struct nic *nic, const struct in6_addr *group, uint32_t run, uint32_t seq, enum kind kind) {
    struct sockaddr_in6 to = {
        .sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_addr = *group, .sin6_scope_id = nic->index};
    struct payload payload = {htonl(MAGIC), htonl(run), htonl(seq), htonl(kind)};
    if (sendto(nic->fd, &payload, sizeof payload, 0, (struct sockaddr *)&to, sizeof to) < 0) {
        char text[INET6_ADDRSTRLEN];
        inet_ntop(AF_INET6, group, text, sizeof text);
        fail(1, "sending to %s on NIC %s: %s", text, nic->name, strerror(errno));
    }
}

/* Frames that go in through one core come out in order. */
static void stay_on_this_core(void) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t at) {
    struct timespec then = {.tv_sec = (time_t)(at / 1000000000u), .tv_nsec = (long)(at % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL) == EINTR) continue;
}

static unsigned long number(const char *text, const char *what) {
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || value > 1000000000)
        fail(2, "%s is a whole number up to 1000000000, not '%s'", what, text);
    return value;
}

int send_all(int argc, char **argv) {
    struct nic nics[MOST_NICS];
    size_t nic_count = 0;
    unsigned long run = 1, rounds = 1, rate = 0;
    int option, times = 0;
    while ((option = getopt(argc, argv, "i:r:c:p:t")) != -1) switch (option) {
        case 'i':
            if (nic_count == MOST_NICS) fail(2, "at most %d NICs", MOST_NICS);
            nics[nic_count++].name = optarg;
            break;
        case 'r': run = number(optarg, "RUN"); break;
        case 'c': rounds = number(optarg, "COUNT"); break;
        case 'p': rate = number(optarg, "PER_SECOND"); break;
        case 't': times = 1; break;
        default: fail(2, "usage: traffic send -i NIC… [-r RUN] [-c COUNT] [-p PER_SECOND] [-t] GROUP…");
    }
    size_t group_count = (size_t)(argc - optind);
    if (nic_count == 0 || group_count == 0) fail(2, "send needs a NIC (-i) and a group");
    struct in6_addr *groups = enough(calloc(group_count, sizeof *groups));
    for (size_t g = 0; g < group_count; g++)
        if (inet_pton(AF_INET6, argv[optind + (int)g], &groups[g]) != 1 || groups[g].s6_addr[0] != 0xff)
            fail(2, "'%s' is not an IPv6 multicast group", argv[optind + (int)g]);
    stay_on_this_core();
    for (size_t n = 0; n < nic_count; n++) open_nic(&nics[n]);

    uint64_t *at = NULL;
    uint64_t start = now_ns();
    uint32_t seq = 0;
    for (; rounds == 0 ? !input_has_ended() : seq < rounds * group_count; seq++) {
        if (rate > 0) sleep_until(start + seq * (1000000000u / rate));
        if (times && (seq & (seq - 1)) == 0) at = enough(realloc(at, (seq == 0 ? 1 : 2 * (size_t)seq) * sizeof *at));
        if (times) at[seq] = now_ns() / 1000;
        for (size_t n = 0; n < nic_count; n++) send_one(&nics[n], &groups[seq % group_count], (uint32_t)run, seq, DATA);
    }
    for (size_t n = 0; n < nic_count; n++) {
        struct in6_addr all_nodes;
        inet_pton(AF_INET6, "ff02::1", &all_nodes);
        send_one(&nics[n], &all_nodes, (uint32_t)run, seq, END_MARK);
    }
    printf("{\"run\":%lu,\"sent\":%u", run, seq);
    if (times) {
        printf(",\"at\":[");
        for (uint32_t s = 0; s < seq; s++) printf("%s%llu", s == 0 ? "" : ",", (unsigned long long)at[s]);
        putchar(']');
    }
    puts("}");
    return 0;
}
