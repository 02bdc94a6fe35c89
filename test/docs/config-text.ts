/** A file of settings that a page shows, read as the daemon reads it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseConfig } from "../../src/config.ts";
import { readConfigFile } from "../../src/config-file.ts";
import { messageOf } from "../../src/error.ts";

/** `taken`, or why not. */
export async function readConfigText(text: string): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), "settings-"));
  try {
    writeFileSync(`${folder}/sledcast.toml`, text);
    parseConfig(await readConfigFile(`${folder}/sledcast.toml`));
    return "taken";
  } catch (error) {
    return messageOf(error);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
