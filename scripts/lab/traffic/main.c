/*
 * Real packets for the lab: sends datagrams to underlay groups, and counts those that arrive at a sled's interfaces.
 *
 *   traffic send -i NIC [-i NIC]… [-r RUN] [-c COUNT] [-p PER_SECOND] [-t] GROUP…
 *     One datagram in turn to each group, COUNT times round (1 if left out; 0: until standard input ends), each through
 *     every NIC. All datagrams bear RUN and a sequence number, the same on every NIC. Then an end mark goes through every
 *     NIC, and a line {"run", "sent"} is printed: how many sequence numbers there were. With -t it has "at" too: when
 *     each was sent, in µs of CLOCK_MONOTONIC.
 *
 *   traffic count
 *     At a run's end mark prints a line {"run", "dev", "groups": {group: datagrams}, "seqs": [[first, last]…], "overrun"}
 *     for the interface it came in by. Ends when standard input ends.
 *
 *   traffic settle -i NIC [-i NIC]…
 *     Brings the filters of macvlans up to date. A macvlan works its filter out before the group that was left is gone
 *     from its list, so the last one left stays open until the list is touched again, which this does.
 *
 *   traffic hold -i NIC [-i NIC]… GROUP…
 *     Joins the groups on the NICs, says "ready", and is a member until standard input ends.
 *
 * The end mark goes to ff02::1, which every NIC takes and no bridge filters: what is sent before it through the same NIC
 * arrives before it, so a run is known to be over without waiting. The counting socket is a plain packet socket, which
 * does not open a NIC's filter as a promiscuous one would, and sees a NIC that is deleted and made again.
 */
#include <string.h>

#include "traffic.h"

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "send") == 0) return send_all(argc - 1, argv + 1);
    if (argc == 2 && strcmp(argv[1], "count") == 0) return count_all();
    if (argc > 1 && strcmp(argv[1], "settle") == 0) return settle_all(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "hold") == 0) return hold_all(argc - 1, argv + 1);
    fail(2, "usage: traffic count | traffic hold -i NIC… GROUP… | traffic settle -i NIC… | traffic send -i NIC… [-r RUN] [-c COUNT] [-p PER_SECOND] [-t] GROUP…");
}
