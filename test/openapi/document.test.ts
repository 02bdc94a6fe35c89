/** This agent's own document: whole, and true to what is served. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RecordingNetwork } from "../harness/network.ts";
import { Sled } from "../harness/sled.ts";

interface Described {
  readonly openapi: string;
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { operationId: string; summary: string; responses: object }>>>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

let sled: Sled;
let document: Described;
beforeAll(async () => {
  sled = await Sled.start({ network: new RecordingNetwork() });
  document = (await sled.get("/openapi.json")).body;
});
afterAll(() => sled.close());

/** Operations of the original's document (version 49.0.0). */
const SHARED = [
  "list_mcast_m2p",
  "set_mcast_m2p",
  "clear_mcast_m2p",
  "list_mcast_fwd",
  "set_mcast_fwd",
  "clear_mcast_fwd",
  "vmm_join_multicast_group",
  "vmm_leave_multicast_group",
  "vmm_register",
  "vmm_unregister",
  "vmm_get_state",
  "vmm_put_state",
  "vmm_put_external_ip",
  "vmm_delete_external_ip",
  "vmm_put_attached_subnets",
  "vmm_post_attached_subnet",
  "vmm_delete_attached_subnets",
  "vmm_delete_attached_subnet",
  "vpc_firewall_rules_put",
  "list_vpc_routes",
  "set_vpc_routes",
  "list_v2p",
  "set_v2p",
  "del_v2p",
  "set_eip_gateways",
];

const operations = () => Object.values(document.paths).flatMap((methods) => Object.values(methods));

test("names every operation of the original as the original does", () => {
  expect(operations().map(({ operationId }) => operationId)).toEqual(expect.arrayContaining(SHARED));
});

test("says of every operation what it does and what it answers, errors included", () => {
  for (const { operationId, summary, responses } of operations()) {
    expect(summary, operationId).toMatch(/\w{3}/);
    expect(Object.keys(responses), operationId).toEqual(expect.arrayContaining(["4XX", "5XX"]));
  }
});

test("refers only to schemas that it has", () => {
  const text = JSON.stringify(document);
  const named = new Set(Object.keys(document.components.schemas));
  const wanted = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1] as string);
  expect(wanted.length).toBeGreaterThan(20);
  expect(wanted.filter((name) => !named.has(name))).toEqual([]);
});

test("describes no path that is not served", async () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    const id = "bbbbbbbb-0000-4000-8000-000000000001";
    // The events have no end; refused, they have one.
    const url = path
      .replace(/\{(propolis|vpc)_id\}/, id)
      .replace("{subnet}", "10.0.0.0%2F24")
      .replace("/events", "/events?kinds=none");
    for (const method of Object.keys(methods)) {
      const { status, body } = await sled.request(method.toUpperCase(), url);
      const unknown = status === 405 || (status === 404 && (body as { message: string }).message === "Not Found");
      expect(unknown, `${method} ${path}: ${status}`).toBe(false);
    }
  }
});

describe("the page to read it", () => {
  test("is served, with what it loads, from this agent alone", async () => {
    const page = await sled.get("/docs/");
    expect(page.status).toBe(200);
    const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] as string);
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) {
      expect(file).toMatch(/^\//);
      expect((await sled.get(file)).status, file).toBe(200);
    }
  });
});
