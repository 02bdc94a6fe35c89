/**
 * The endpoints that share a VMM's ports, held against the original's document: what it takes is
 * taken, but for what product rules refuse; what ours answers, it takes. Passes, and says so, where
 * the document is not at hand.
 */
import { BlockList, isIPv4 } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { SledcastError } from "../../src/error.ts";
import type { Cidr } from "../../src/net/cidr.ts";
import type { Ip, Ipv6 } from "../../src/net/ip.ts";
import type { Mac } from "../../src/net/mac.ts";
import type { Vni } from "../../src/net/vni.ts";
import type { Uuid } from "../../src/uuid.ts";
import { RecordingNetwork } from "../harness/network.ts";
import { PROPOLIS } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";
import * as requests from "../http/network-requests.ts";
import { contains, network } from "../registration/address.ts";
import type { NicBody } from "../registration/body.ts";
import { nicFaults } from "../registration/judge.ts";
import {
  bodySchema,
  expectAnswerOf,
  NAMES_A_FIELD,
  NO_DOCUMENT,
  type OurDocument,
  operationsOf,
  validatorFor,
  withoutLargeVnis,
} from "./held-against.ts";
import { originalDocument } from "./original.ts";
import { arbitraryOf, type Schema } from "./schema-arbitrary.ts";

const seed = Number(process.env.SLEDCAST_SEED ?? Date.now() & 0x7fff_ffff);
const inCI = process.env.CI === "true" || process.env.CI === "1";
const runs = Number(process.env.SLEDCAST_RUNS ?? (inCI ? 400 : 60));
console.log(`ports-compatibility: SLEDCAST_SEED=${seed} SLEDCAST_RUNS=${runs}`);
const v49 = originalDocument(49, "ports");
const AT_49 = { "api-version": "49.0.0" };

const asked = new RecordingNetwork();
let sled: Sled;
beforeAll(async () => {
  sled = await Sled.start({ network: asked });
});
beforeEach(() => asked.reset());
afterAll(() => sled.close());

const url = (path: string) =>
  path
    .replace("{propolis_id}", PROPOLIS)
    .replace("{vpc_id}", requests.VPC)
    .replace("{subnet}", encodeURIComponent(requests.subnet.subnet));

const NOT_UNICAST = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const [network4, length] of [
  ["0.0.0.0", 32],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["224.0.0.0", 4],
  ["255.255.255.255", 32],
] as const) {
  NOT_UNICAST.ipv4.addSubnet(network4, length);
}
for (const [network6, length] of [
  ["::", 127],
  ["fe80::", 10],
  ["ff00::", 8],
] as const) {
  NOT_UNICAST.ipv6.addSubnet(network6, length, "ipv6");
}
const MULTICAST = ["224.0.0.0/4", "ff00::/8"].map(network);

const familyOf = (ip: string) => (isIPv4(ip) ? "ipv4" : "ipv6");
const isUnicast = (ip: string) => !NOT_UNICAST[familyOf(ip)].check(ip, familyOf(ip));
const inOrder = (range: string, min: number, max: number) => {
  const [first = 0, last = first] = range.split("-").map(Number);
  return min <= first && first <= last && last <= max;
};

interface RouteSetOnWire {
  readonly id: { readonly vni: number; readonly kind: object };
  readonly routes: readonly { readonly dest: string; readonly target: { readonly value?: unknown } }[];
}

function isRightRoute({ dest, target }: RouteSetOnWire["routes"][number]): boolean {
  const address = dest.split("/")[0] as string;
  const to = typeof target.value === "string" ? (target.value.split("/")[0] as string) : address;
  // Of a network, what is left of its address without host bits.
  const isMulticast = MULTICAST.some((all) => contains(all, network(dest)));
  return !isMulticast && familyOf(to) === familyOf(address);
}

interface RuleOnWire {
  readonly targets: readonly NicBody[];
  readonly filter_ports?: readonly string[] | null;
  readonly filter_protocols?: readonly { readonly value?: { readonly code?: string | null } | null }[] | null;
}

function isRightRule({ targets, filter_ports: ports, filter_protocols: protocols }: RuleOnWire): boolean {
  return (
    targets.every((target) => nicFaults(target).length === 0) &&
    (ports ?? []).every((range) => inOrder(range, 1, 65_535)) &&
    (protocols ?? []).every(({ value }) => !value?.code || inOrder(value.code, 0, 255))
  );
}

/** What this agent refuses of what the document takes, said a second time. */
const IS_RIGHT: Readonly<Record<string, (body: never) => boolean>> = {
  "put /vmms/{propolis_id}/external-ip": ({ value }: { value: string }) => isUnicast(value),
  "put /vpc/{vpc_id}/firewall/rules": ({ rules }: { rules: RuleOnWire[] }) => rules.every(isRightRule),
  "put /vpc-routes": (sets: RouteSetOnWire[]) => sets.every(({ routes }) => routes.every(isRightRoute)),
  "put /v2p": (body: { virtual_ip: string; physical_host_ip: string }) =>
    isUnicast(body.virtual_ip) && isUnicast(body.physical_host_ip),
  // What is generated has no key that is a UUID.
  "put /eip-gateways": ({ mappings }: { mappings: object }) => Object.keys(mappings).length === 0,
};

/** A list of sets that has a router twice, which chance hardly makes of the same content. */
function hasRouterTwice(body: unknown): boolean {
  if (!Array.isArray(body)) return false;
  const ids = (body as RouteSetOnWire[]).map(({ id }) => JSON.stringify([id.vni, id.kind]));
  return new Set(ids).size < ids.length;
}

describe.runIf(v49 !== undefined)("against the original's document of version 49", () => {
  const document = v49 ?? NO_DOCUMENT;
  const { schemas } = document.components;
  const all = [...operationsOf(document)];
  const withBody = all.filter(({ operation }) => bodySchema(operation) !== undefined);

  test("every operation is in ours, by its name, and every type that has one there", async () => {
    const ours: OurDocument & { components: { schemas: object } } = (await sled.get("/openapi.json")).body;
    for (const { path, method, operation } of all) {
      expect(ours.paths[path]?.[method], `${method} ${path}`).toMatchObject({ operationId: operation.operationId });
    }
    expect(Object.keys(ours.components.schemas)).toEqual(
      expect.arrayContaining(Object.keys(schemas).filter((name) => name !== "PropolisUuid")),
    );
  });

  test.each(withBody)(
    "every body that its schema of $method $path takes, ours takes",
    async ({ path, method, operation }) => {
      const ours = (await sled.get("/openapi.json")).body as OurDocument;
      const schema = ours.paths[path]?.[method]?.requestBody?.content["application/json"].schema;
      const accepts = validatorFor(schema, ours.components);
      const bodies = arbitraryOf(bodySchema(operation) as Schema, schemas).map(withoutLargeVnis);
      fc.assert(
        fc.property(bodies, (body) => {
          expect(accepts(body), JSON.stringify(accepts.errors)).toBe(true);
        }),
        { seed, numRuns: runs },
      );
    },
  );

  test.each(withBody)(
    "a generated $method $path is served exactly if no rule of ours refuses it, and else names a field",
    async ({ path, method, operation }) => {
      const bodies = arbitraryOf(bodySchema(operation) as Schema, schemas).map(withoutLargeVnis);
      const isRight = IS_RIGHT[`${method} ${path}`] ?? (() => true);
      await fc.assert(
        fc.asyncProperty(bodies, async (body) => {
          fc.pre(!hasRouterTwice(body));
          asked.reset();
          const answer = await sled.request(method.toUpperCase(), url(path), body, AT_49);
          const right = isRight(body as never);
          expect(answer.status, answer.text).toBe(right ? 204 : 400);
          expect(asked.asked).toHaveLength(right ? 1 : 0);
          if (!right) expect((answer.body as { message: string }).message).toMatch(NAMES_A_FIELD);
        }),
        { seed, numRuns: runs },
      );
    },
  );

  test("every answer of ours is one that its schema takes", async () => {
    const vni = 100 as Vni;
    asked.routes = [
      { id: { vni, subnet: undefined }, version: { routerId: requests.ROUTER as Uuid, version: 1n << 52n } },
      { id: { vni, subnet: "10.0.0.0/24" as Cidr }, version: undefined },
      { id: { vni, subnet: "fd00:1::/64" as Cidr }, version: undefined },
    ];
    const phys = { ether: "a8:40:25:00:00:01" as Mac, ip: "fd00::aa" as Ipv6, vni };
    asked.virt2phys = { entries: ["10.0.0.5", "fd00:1::5"].map((vip) => ({ vip: vip as Ip, phys })) };
    const bodies = new Map(requests.CHANGES.map(([method, path, body]) => [`${method} ${path}`, body]));
    for (const { path, method } of all) {
      const send = (body: unknown, headers: Record<string, string> = AT_49) =>
        sled.request(method.toUpperCase(), url(path), body, headers);
      const body = bodies.get(`${method.toUpperCase()} ${url(path)}`);
      const answers = [await send(body), await send(body, { "api-version": "?" })];
      expect(answers.map(({ status }) => status)).toEqual([method === "get" ? 200 : 204, 400]);
      if (method !== "get") {
        for (const kind of ["no-such-instance", "conflict", "driver-unavailable", "internal"] as const) {
          asked.failure = new SledcastError(kind, "it is so");
          answers.push(await send(body));
        }
        expect(answers.slice(2).map(({ status }) => status)).toEqual([404, 409, 503, 500]);
      }
      for (const answer of answers) expectAnswerOf(document, path, method, answer);
    }
  });
});
