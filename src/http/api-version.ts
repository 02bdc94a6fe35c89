/**
 * The `api-version` header: which version of the sled-agent API a request is written in. Versions
 * that were never released are served as the range they fall in; a pre-release sorts before its
 * release, so `49.0.0-x` is served as 48.
 */
import type { IncomingMessage } from "node:http";
import semver from "semver";
import { badRequest } from "../error.ts";

export const LATEST = "49.0.0";
/** The multicast endpoints of a VMM exist from here. */
export const MULTICAST_SUPPORT = "7.0.0";
/** The subnets attached to a VMM exist from here. */
export const ADD_ATTACHED_SUBNETS = "18.0.0";
/** Mappings and forwarding exist, and the membership body is flat, from here. */
export const MCAST_M2P_FORWARDING = "49.0.0";

const HEADER = "api-version";
const VISIBLE_ASCII = /^[\x20-\x7e]*$/;

const latest = new semver.SemVer(LATEST);

/** Clients send one of a few values; parsing is done once for each. */
const known = new Map<string, semver.SemVer>([[LATEST, latest]]);
const KNOWN_MOST = 256;

function parse(value: string): semver.SemVer {
  const cached = known.get(value);
  if (cached !== undefined) return cached;
  if (!VISIBLE_ASCII.test(value)) throw badRequest(`bad value for header "${HEADER}": not ASCII`);
  // The library takes a leading `v` and blanks, the original does not.
  const version = /^\d\S*$/.test(value) ? semver.parse(value) : null;
  if (version === null) {
    throw badRequest(`bad value for header "${HEADER}": not a version of the form MAJOR.MINOR.PATCH: ${value}`);
  }
  if (version.compare(latest) > 0 || (version.compare(latest) === 0 && version.build.length > 0)) {
    throw badRequest(`server does not support this API version: ${value}`);
  }
  if (known.size < KNOWN_MOST) known.set(value, version);
  return version;
}

/** The version a request asks for; the newest where it does not say. Throws for a value that is none. */
export function requestedVersion(request: IncomingMessage): semver.SemVer {
  const value = request.headers[HEADER];
  if (value === undefined) return latest;
  // Sent twice, the values arrive joined; the first one counts.
  const first = typeof value === "string" && value.includes(",") ? request.headersDistinct[HEADER]?.[0] : value;
  return parse(String(first));
}

/** Whether an endpoint that exists from `since` on exists in a version. */
export function inRange(version: semver.SemVer, since: string | undefined): boolean {
  return since === undefined || version.compare(since) >= 0;
}
