/** Why a NIC did not take a group, in words with a way out. */
import type { ErrorKind } from "../error.ts";
import { errnoName } from "./system-error.ts";

/** In place of an errno: there was no NIC to ask. */
export const NO_SUCH_NIC = -1;

const NO_IPV6 =
  "the NIC has no IPv6: plumb it (illumos: ipadm create-if -t NAME; Linux: an MTU below 1280 turns IPv6 off)";

/** What is known of an errno of IPV6_JOIN_GROUP: illumos ip_multi.c, Linux net/ipv6/mcast.c. */
const REASONS: Readonly<Record<string, string>> = {
  ENODEV: NO_IPV6,
  ENXIO: NO_IPV6,
  EADDRNOTAVAIL: "the NIC takes no multicast: it lacks the MULTICAST flag, or is just entering an IPMP group",
  EINVAL:
    process.platform === "sunos"
      ? "the NIC cannot be joined on: it belongs to an IPMP group (join on the group's interface), or is a VNI"
      : NO_IPV6,
  EAFNOSUPPORT: "the host has no IPv6",
  EADDRINUSE: "the socket held the membership already and did not let it go",
  EPERM: "the process may not: it needs the privilege net_access",
  EACCES: "the process may not: it needs the privilege net_access",
};

/** Limits of the host. The join is possible once they are raised, or something else gives way. */
const LIMITS: Readonly<Record<string, string>> = {
  EMFILE: "this process has no descriptor left; raise process.max-file-descriptor (Linux: RLIMIT_NOFILE)",
  ENFILE: "the host has no descriptor left; raise its limit (Linux: fs.file-max)",
  ENOBUFS: "the host has no buffer left for it",
  ENOMEM: "the host has no memory for it (Linux: net.core.optmem_max bounds a socket's memberships)",
};

/** Why the join failed; `errno` is this platform's, or NO_SUCH_NIC. */
export function joinReason(errno: number): { readonly kind: ErrorKind; readonly text: string } {
  if (errno === NO_SUCH_NIC)
    return { kind: "underlay-join-failed", text: "there is no such NIC: plumb it, or correct underlay.nics" };
  const code = errnoName(errno);
  const limit = LIMITS[code];
  if (limit !== undefined) return { kind: "resource-limit", text: `${code}: ${limit}` };
  const reason = REASONS[code];
  return { kind: "underlay-join-failed", text: reason === undefined ? code : `${code}: ${reason}` };
}
