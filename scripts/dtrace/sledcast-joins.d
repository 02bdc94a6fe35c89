#!/usr/sbin/dtrace -qs
/*
 * Underlay groups as they are joined and left: what a process asked for, what IP made of it, and which multicast MAC
 * addresses reached a NIC.
 *
 * Usage:      dtrace -qs sledcast-joins.d [PID]
 *             PID: of one sledcastd (pgrep -f dist/daemon.js); left out, every process. Ctrl-C ends it.
 * Privileges: dtrace_user and dtrace_proc for the system calls, dtrace_kernel for IP and MAC; root has them.
 *
 * This script was never run: it was written on a machine without DTrace, from the sources named below. What the
 * example shows is an illustration, no measurement.
 *
 * Example:
 *   # dtrace -qs sledcast-joins.d 1234
 *   PID      WHERE  WHAT   GROUP                                    INDEX  ERRNO
 *   1234     ip     join   ff04::1                                      3      0
 *   1234     call   join   ff04::1                                      3      0
 *   -        mac    add    33:33:00:00:00:01                            -      0
 *
 * setsockopt(2) with level 41 (IPPROTO_IPV6) and option 9 (IPV6_JOIN_GROUP) or 10 (IPV6_LEAVE_GROUP) has a struct
 * ipv6_mreq: 16 bytes of group, 4 of interface index (illumos-gate: usr/src/uts/common/netinet/in.h; the arguments'
 * order, usr/src/uts/common/os/sysent.c and fs/sockfs/socksyscalls.c). IP's own functions are `ip_opt_add_group` and
 * `ip_opt_delete_group` (usr/src/uts/common/inet/ip/ip_multi.c): third argument the group, fifth the index. What IP
 * then asks of the NIC goes by DLPI, on another thread and later, and ends in `mac_multicast_add` and
 * `mac_multicast_remove` (usr/src/uts/common/io/mac/mac_client.c, called by `dls_multicst_add`,
 * usr/src/uts/common/io/dls/dls.c): their address is 6 bytes, 33:33 and the group's last four. A NIC that refuses is
 * seen there only: the caller of setsockopt(2) is not told. None of these functions is a stable interface; one that a
 * release lacks is passed over.
 */

#pragma D option defaultargs
#pragma D option zdefs

BEGIN
{
	printf("%-8s %-6s %-6s %-40s %5s  %5s\n", "PID", "WHERE", "WHAT", "GROUP", "INDEX", "ERRNO");
}

syscall::setsockopt:entry
/(int32_t)arg1 == 41 && ((int32_t)arg2 == 9 || (int32_t)arg2 == 10) && arg4 >= 20 && ($1 == 0 || pid == $1)/
{
	self->request = arg3;
	self->option = (int32_t)arg2;
}

/* Copied in only now: at the entry its page may not be there yet, and the kernel has read it since. */
syscall::setsockopt:return
/self->request/
{
	this->error = errno;
	printf("%-8d %-6s %-6s %-40s %5d  %5d\n", pid, "call", self->option == 9 ? "join" : "leave",
	    inet_ntop(AF_INET6, copyin(self->request, 16)), *(uint32_t *)copyin(self->request + 16, 4), this->error);
	self->request = 0;
	self->option = 0;
}

fbt:ip:ip_opt_add_group:entry,
fbt:ip:ip_opt_delete_group:entry
/self->request/
{
	self->group = arg2;
	self->index = (uint32_t)arg4;
}

fbt:ip:ip_opt_add_group:return,
fbt:ip:ip_opt_delete_group:return
/self->group/
{
	printf("%-8d %-6s %-6s %-40s %5d  %5d\n", pid, "ip", self->option == 9 ? "join" : "leave",
	    inet_ntop(AF_INET6, (void *)self->group), self->index, (int)arg1);
	self->group = 0;
	self->index = 0;
}

fbt:mac:mac_multicast_add:entry,
fbt:mac:mac_multicast_remove:entry
/((uint8_t *)arg1)[0] == 0x33 && ((uint8_t *)arg1)[1] == 0x33/
{
	self->mac = arg1;
	self->add = probefunc == "mac_multicast_add" ? 1 : 0;
	self->m2 = ((uint8_t *)arg1)[2];
	self->m3 = ((uint8_t *)arg1)[3];
	self->m4 = ((uint8_t *)arg1)[4];
	self->m5 = ((uint8_t *)arg1)[5];
}

/* Removing answers nothing, so its errno is that of nobody: 0. */
fbt:mac:mac_multicast_add:return,
fbt:mac:mac_multicast_remove:return
/self->mac/
{
	printf("%-8s %-6s %-6s 33:33:%02x:%02x:%02x:%02x%23s %5s  %5d\n", "-", "mac", self->add ? "add" : "remove",
	    self->m2, self->m3, self->m4, self->m5, "", "-", self->add ? (int)arg1 : 0);
	self->mac = 0;
	self->add = 0;
	self->m2 = 0;
	self->m3 = 0;
	self->m4 = 0;
	self->m5 = 0;
}
