/**
 * Paths the way dropshot reads them: empty segments do not count, `.` and `..` are refused, and a
 * path that exists under another method is 405 and says which methods it has.
 */
import type { FastifyReply } from "fastify";
import type { SemVer } from "semver";
import { badRequest } from "../error.ts";
import { inRange } from "./api-version.ts";
import { HttpError } from "./errors.ts";

/** For Fastify's `rewriteUrl`: the path without empty segments, the query as it was. */
export function normalizeUrl(url: string): string {
  if (!url.includes("//") && (!url.endsWith("/") || url === "/") && url.startsWith("/")) return url;
  // A proxy's absolute form carries scheme and authority before the path.
  const own = url.replace(/^https?:\/\/[^/?]*/i, "");
  const [path = "", ...query] = own.split("?");
  const clean = `/${path.split("/").filter(Boolean).join("/")}`;
  return query.length === 0 ? clean : `${clean}?${query.join("?")}`;
}

export function pathSegments(url: string): string[] {
  const path = url.split("?", 1)[0] as string;
  return path.split("/").filter(Boolean).map(decodeSegment);
}

function decodeSegment(segment: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(segment);
  } catch {
    throw badRequest("invalid path encoding");
  }
  if (decoded === "." || decoded === "..") throw badRequest("invalid path encoding");
  return decoded;
}

interface KnownRoute {
  readonly method: string;
  /** Of the original's API, so that the version counts. */
  readonly shared: boolean;
  readonly since: string | undefined;
}

interface KnownPath {
  readonly segments: readonly string[];
  readonly routes: KnownRoute[];
}

/** Every path with its methods and the versions they are in. */
export class RouteTable {
  readonly #paths = new Map<string, KnownPath>();

  add(path: string, route: KnownRoute): void {
    const entry = this.#paths.get(path) ?? { segments: path.split("/").filter(Boolean), routes: [] };
    entry.routes.push(route);
    this.#paths.set(path, entry);
  }

  /**
   * Throws what a request that nothing serves is answered with. `version` is asked only where it
   * counts: for the original's paths and for those nobody knows.
   */
  refuse(url: string, version: () => SemVer, reply: FastifyReply): never {
    const segments = readablePath(url, version);
    const entry = [...this.#paths.values()].find((known) => matches(known.segments, segments));
    const shared = entry?.routes.filter((route) => route.shared) ?? [];
    const counts = entry === undefined || shared.length > 0;
    const asked = counts ? version() : undefined;
    const inVersion = asked === undefined || shared.some(({ since }) => inRange(asked, since));
    if (entry === undefined || !inVersion) throw new HttpError(404, "Not Found");
    reply.header("allow", [...new Set(entry.routes.map(({ method }) => method))]);
    throw new HttpError(405, "Method Not Allowed");
  }
}

/** A path that cannot be read belongs to nobody, so the version is told first. */
function readablePath(url: string, version: () => SemVer): string[] {
  try {
    return pathSegments(url);
  } catch (error) {
    version();
    throw error;
  }
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return pattern.length === segments.length && pattern.every((part, i) => part.startsWith(":") || part === segments[i]);
}
