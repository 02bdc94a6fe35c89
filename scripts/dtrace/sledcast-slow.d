#!/usr/sbin/dtrace -qs
/*
 * OPTE commands that take long: each with its process, and where in the kernel a thread waited while it had one.
 *
 * Usage:      dtrace -qs sledcast-slow.d [MILLISECONDS]
 *             Left out: 1000. Ctrl-C ends it, and prints the stacks that were waited in.
 * Privileges: dtrace_kernel; root has it.
 *
 * This script was never run: it was written on a machine without DTrace, from the sources named below. What the
 * example shows is an illustration, no measurement.
 *
 * Example:
 *   # dtrace -qs sledcast-slow.d 100
 *   2026 Mar  4 05:06:07  pid 1234 (node): command 71 took 240 ms, errno 16
 *   ^C
 *   Waited, in nanoseconds:
 *               genunix`cv_wait+0x7c
 *               xde`xde_ioctl+0x1d2
 *         240000000
 *
 * xde's ioctl entry is a C function that is not mangled (opte: xde/src/xde.rs, `xde_ioctl`) and is called through
 * the driver's cb_ops, so the fbt provider has it by that name: its arguments are dev, cmd, arg. That a command has
 * not returned at all is what `sledcast doctor` and the agent's log tell; here it shows when it does.
 */

#pragma D option defaultargs

fbt:xde:xde_ioctl:entry
/(uint32_t)arg1 == 0xde777701/
{
	self->call = arg2;
	self->since = timestamp;
}

sched:::off-cpu
/self->since/
{
	self->off = timestamp;
}

sched:::on-cpu
/self->off/
{
	@waited[stack(8)] = sum(timestamp - self->off);
	self->off = 0;
}

fbt:xde:xde_ioctl:return
/self->since && (timestamp - self->since) / 1000000 >= ($1 == 0 ? 1000 : $1)/
{
	this->took = (timestamp - self->since) / 1000000;
	/* The struct is the caller's; the driver has just written it back, so its page is there. */
	this->cmd = *(int32_t *)copyin(self->call + 8, 4);
	printf("%Y  pid %d (%s): command %d took %d ms, errno %d\n",
	    walltimestamp, pid, execname, this->cmd, this->took, (int)arg1);
}

fbt:xde:xde_ioctl:return
/self->since/
{
	self->call = 0;
	self->since = 0;
	self->off = 0;
}

END
{
	printf("Waited, in nanoseconds:\n");
}
