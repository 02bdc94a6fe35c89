/** The process in which the device is asked: its path is the argument, the answer its one message. */
import { askDevice } from "./device.ts";

const answer = await askDevice(process.argv[2] ?? "");
process.send?.(answer, () => process.disconnect());
