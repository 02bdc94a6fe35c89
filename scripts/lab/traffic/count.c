/* What arrives at each interface, by run and group. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic.h"

/* A second's worth and more, should the counter not get to run. */
enum { RECEIVE_BUFFER = 32 << 20 };

struct group_count {
    struct in6_addr group;
    unsigned long datagrams;
};

struct range {
    uint32_t first, last;
};

/* What one run brought to one interface so far. */
struct tally {
    struct tally *next;
    uint32_t run;
    char dev[IF_NAMESIZE];
    struct group_count *groups;
    size_t group_count;
    struct range *seqs;
    size_t seq_count;
};

static struct tally *tallies;

static struct tally **find_tally(uint32_t run, const char *dev) {
    struct tally **at = &tallies;
    while (*at != NULL && ((*at)->run != run || strcmp((*at)->dev, dev) != 0)) at = &(*at)->next;
    return at;
}

static struct tally *tally_for(uint32_t run, const char *dev) {
    struct tally **at = find_tally(run, dev);
    if (*at == NULL) {
        *at = enough(calloc(1, sizeof **at));
        (*at)->run = run;
        strcpy((*at)->dev, dev);
    }
    return *at;
}

static void note(struct tally *tally, const struct in6_addr *group, uint32_t seq) {
    size_t g = 0;
    while (g < tally->group_count && memcmp(&tally->groups[g].group, group, sizeof *group) != 0) g++;
    if (g == tally->group_count) {
        tally->groups = enough(realloc(tally->groups, ++tally->group_count * sizeof *tally->groups));
        tally->groups[g] = (struct group_count){*group, 0};
    }
    tally->groups[g].datagrams++;
    if (tally->seq_count > 0 && tally->seqs[tally->seq_count - 1].last + 1 == seq) {
        tally->seqs[tally->seq_count - 1].last = seq;
        return;
    }
    tally->seqs = enough(realloc(tally->seqs, ++tally->seq_count * sizeof *tally->seqs));
    tally->seqs[tally->seq_count - 1] = (struct range){seq, seq};
}

/* Frames that the counting socket itself had no room for, since the last time it was asked. */
static unsigned overrun(int fd) {
    struct tpacket_stats stats = {0};
    socklen_t size = sizeof stats;
    getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size);
    return stats.tp_drops;
}

static void report_and_forget(int fd, uint32_t run, const char *dev) {
    tally_for(run, dev);
    struct tally **at = find_tally(run, dev), *tally = *at;
    printf("{\"run\":%u,\"dev\":\"%s\",\"groups\":{", tally->run, tally->dev);
    for (size_t g = 0; g < tally->group_count; g++) {
        char text[INET6_ADDRSTRLEN];
        inet_ntop(AF_INET6, &tally->groups[g].group, text, sizeof text);
        printf("%s\"%s\":%lu", g == 0 ? "" : ",", text, tally->groups[g].datagrams);
    }
    printf("},\"seqs\":[");
    for (size_t s = 0; s < tally->seq_count; s++)
        printf("%s[%u,%u]", s == 0 ? "" : ",", tally->seqs[s].first, tally->seqs[s].last);
    printf("],\"overrun\":%u}\n", overrun(fd));
    fflush(stdout);
    *at = tally->next;
    free(tally->groups);
    free(tally->seqs);
    free(tally);
}

/* Offsets from the IPv6 header on: next header and destination in it, then UDP, then ours. */
enum { NEXT_HEADER = 6, DESTINATION = 24, UDP = 40, PAYLOAD = 48 };

static void take_frame(int fd) {
    uint8_t frame[PAYLOAD + sizeof(struct payload)];
    struct sockaddr_ll from;
    socklen_t size = sizeof from;
    ssize_t length = recvfrom(fd, frame, sizeof frame, MSG_TRUNC, (struct sockaddr *)&from, &size);
    /* A NIC that goes down is said once, as an error; the others go on. */
    if (length != (ssize_t)sizeof frame || from.sll_pkttype != PACKET_MULTICAST) return;
    if (frame[NEXT_HEADER] != IPPROTO_UDP || (frame[UDP + 2] << 8 | frame[UDP + 3]) != PORT) return;
    struct payload payload;
    memcpy(&payload, frame + PAYLOAD, sizeof payload);
    char dev[IF_NAMESIZE];
    if (ntohl(payload.magic) != MAGIC || if_indextoname((unsigned)from.sll_ifindex, dev) == NULL) return;
    struct in6_addr group;
    memcpy(&group, frame + DESTINATION, sizeof group);
    if (ntohl(payload.kind) == END_MARK) report_and_forget(fd, ntohl(payload.run), dev);
    else note(tally_for(ntohl(payload.run), dev), &group, ntohl(payload.seq));
}

int count_all(void) {
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IPV6));
    if (fd < 0) fail(1, "a packet socket: %s", strerror(errno));
    int room = RECEIVE_BUFFER;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd ready[] = {{.fd = fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
        if (poll(ready, 2, -1) < 0 && errno != EINTR) fail(1, "poll: %s", strerror(errno));
        if (ready[0].revents != 0) take_frame(fd);
        if (ready[1].revents != 0 && input_has_ended()) return 0;
    }
}
