/* Changes to what the NICs let through: brought up to date, or opened beside the agent. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic.h"

int settle_all(int argc, char **argv) {
    int option, fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail(1, "a packet socket: %s", strerror(errno));
    while ((option = getopt(argc, argv, "i:")) != -1) {
        if (option != 'i') fail(2, "usage: traffic settle -i NIC…");
        /* All nodes: every NIC takes it anyway. */
        struct packet_mreq touched = {.mr_ifindex = (int)if_nametoindex(optarg),
                                      .mr_type = PACKET_MR_MULTICAST,
                                      .mr_alen = ETH_ALEN,
                                      .mr_address = {0x33, 0x33, 0, 0, 0, 1}};
        if (touched.mr_ifindex == 0 ||
            setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &touched, sizeof touched) != 0 ||
            setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &touched, sizeof touched) != 0)
            fail(1, "touching the filter of NIC %s: %s", optarg, strerror(errno));
    }
    return 0;
}

/* A socket's memberships are bounded by net.core.optmem_max: 365 where that is least. */
enum { GROUPS_PER_SOCKET = 32 };

int hold_all(int argc, char **argv) {
    unsigned nics[MOST_NICS];
    size_t nic_count = 0;
    int option, fd = -1;
    while ((option = getopt(argc, argv, "i:")) != -1) {
        if (option != 'i' || nic_count == MOST_NICS) fail(2, "usage: traffic hold -i NIC… GROUP…");
        nics[nic_count] = if_nametoindex(optarg);
        if (nics[nic_count++] == 0) fail(1, "NIC %s: %s", optarg, strerror(errno));
    }
    for (int g = 0; g < argc - optind; g++) {
        if (g % GROUPS_PER_SOCKET == 0) fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        for (size_t n = 0; n < nic_count; n++) {
            struct ipv6_mreq member = {.ipv6mr_interface = nics[n]};
            if (inet_pton(AF_INET6, argv[optind + g], &member.ipv6mr_multiaddr) != 1)
                fail(2, "'%s' is not an IPv6 multicast group", argv[optind + g]);
            if (setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &member, sizeof member) != 0)
                fail(1, "joining %s: %s", argv[optind + g], strerror(errno));
        }
    }
    puts("ready");
    fflush(stdout);
    while (!input_has_ended()) poll(&(struct pollfd){.fd = STDIN_FILENO, .events = POLLIN}, 1, -1);
    return 0;
}
