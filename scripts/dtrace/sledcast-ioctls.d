#!/usr/sbin/dtrace -qs
/*
 * OPTE commands: how many, how long, and with which errno, by command.
 *
 * Usage:      dtrace -qs sledcast-ioctls.d [PID]
 *             Ctrl-C prints the sums. PID: of one sledcastd (pgrep -f dist/daemon.js); left out, of every
 *             process that sends OPTE commands, opteadm and sled-agent among them.
 * Privileges: dtrace_user for processes of one's own, and dtrace_proc and dtrace_kernel for others'; root has them.
 *
 * This script was never run: it was written on a machine without DTrace, from the sources named below. What the
 * example shows is an illustration, no measurement.
 *
 * Example:
 *   # dtrace -qs sledcast-ioctls.d 1234
 *   ^C
 *   COMMAND                      ERRNO      COUNT
 *   DumpMcast2Phys                   0          3
 *   SetMcast2Phys                    0         12
 *   Microseconds of SetMcast2Phys:
 *              value  ------------- Distribution ------------- count
 *                  4 |                                         0
 *                  8 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@          9
 *                 16 |@@@@@@@@@@                               3
 *                 32 |                                         0
 *
 * Nothing is compiled in for it: the syscall provider sees each ioctl(2), and xde's request number tells them apart.
 * The struct behind it is copied in when the call returns: then its page is there, and the kernel has written to it.
 * Its layout and the commands' numbers are opte-api's (native/opte/command.h, src/opte/wire/commands.ts), the same
 * in API 38 to 41. sledcast calls from threads of libuv's pool, so times are those of one call each.
 */

#pragma D option defaultargs
#pragma D option aggsortkey

BEGIN
{
	command[1] = "ListPorts";
	command[20] = "AddFwRule";
	command[21] = "RemFwRule";
	command[22] = "SetFwRules";
	command[30] = "DumpTcpFlows";
	command[31] = "DumpLayer";
	command[32] = "DumpUft";
	command[33] = "ListLayers";
	command[40] = "ClearUft";
	command[41] = "ClearLft";
	command[50] = "SetVirt2Phys";
	command[51] = "DumpVirt2Phys";
	command[52] = "SetVirt2Boundary";
	command[53] = "ClearVirt2Boundary";
	command[54] = "DumpVirt2Boundary";
	command[55] = "ClearVirt2Phys";
	command[60] = "AddRouterEntry";
	command[61] = "DelRouterEntry";
	command[70] = "CreateXde";
	command[71] = "DeleteXde";
	command[72] = "SetXdeUnderlay";
	command[73] = "ClearXdeUnderlay";
	command[80] = "SetExternalIps";
	command[90] = "AllowCidr";
	command[91] = "RemoveCidr";
	command[92] = "AttachSubnet";
	command[93] = "DetachSubnet";
	command[100] = "SetMcastForwarding";
	command[101] = "ClearMcastForwarding";
	command[102] = "DumpMcastForwarding";
	command[103] = "McastSubscribe";
	command[104] = "McastUnsubscribe";
	command[105] = "SetMcast2Phys";
	command[106] = "ClearMcast2Phys";
	command[107] = "DumpMcastSubscriptions";
	command[108] = "McastUnsubscribeAll";
	command[109] = "DumpMcast2Phys";
}

/* The request is an int: what the upper half of the register holds is nobody's business. */
syscall::ioctl:entry
/(uint32_t)arg1 == 0xde777701 && ($1 == 0 || pid == $1)/
{
	self->call = arg2;
	self->since = timestamp;
}

syscall::ioctl:return
/self->since/
{
	this->error = errno;
	this->took = (timestamp - self->since) / 1000;
	/* api_version is 8 bytes, cmd the 4 behind it. */
	this->cmd = *(int32_t *)copyin(self->call + 8, 4);
	this->text = command[this->cmd] != NULL ? command[this->cmd] : "(unknown)";
	@calls[this->text, this->error] = count();
	@times[this->text] = quantize(this->took);
	self->call = 0;
	self->since = 0;
}

END
{
	printf("%-24s %9s %10s\n", "COMMAND", "ERRNO", "COUNT");
	printa("%-24s %9d %@10d\n", @calls);
	printa("Microseconds of %s:%@d\n", @times);
}
