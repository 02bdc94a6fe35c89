/** dlmgmtd that lets its callers wait: operations wait with them, and that is said. */
import { afterEach, expect, test } from "vitest";
import { CountedDatalinks } from "../../src/host/datalinks.ts";
import { ensureBody, nic } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";

const VMM = "bbbbbbbb-0000-4000-8000-000000000001";

class StuckDatalinks extends CountedDatalinks {
  letGo = () => {};
  readonly #stuck = new Promise<void>((resolve) => {
    this.letGo = resolve;
  });

  override async create(name: string): Promise<number | undefined> {
    await this.#stuck;
    return super.create(name);
  }
}

let sled: Sled;
afterEach(() => sled.close());

const links = () => sled.agent.status().degraded.filter(({ thing }) => thing === "port");

test("a datalink id that does not come is degraded and in the log, once, until it comes", async () => {
  const datalinks = new StuckDatalinks();
  sled = await Sled.start({ datalinks, slowAfter: 0.05 });
  const registered = sled.put(`/vmms/${VMM}`, ensureBody({ nics: [nic(1)] }));
  const said = () =>
    sled.log.records.filter(({ message }) => message.includes("datalink id")).map(({ level }) => level);
  await expect.poll(said, { timeout: 5000 }).toEqual(["warn"]);
  expect(links()).toMatchObject([{ subject: "opte0", reason: expect.stringMatching(/operations wait behind it/) }]);
  datalinks.letGo();
  expect((await registered).status).toBe(200);
  expect(links()).toEqual([]);
  expect(said()).toEqual(["warn", "info"]);
});
