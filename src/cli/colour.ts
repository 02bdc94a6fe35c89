/** Colours, for terminals only. They say nothing that the words do not. */
import { styleText } from "node:util";

export type Colour = "green" | "yellow" | "red" | "dim";

type Paint = (colour: Colour, text: string) => string;

interface Output {
  readonly isTTY?: boolean;
}

/**
 * Whether an output takes colours: a terminal, unless it is a dumb one or NO_COLOR says no (no-color.org: an empty
 * value is none). FORCE_COLOR comes first, as it does for Node itself.
 */
export function takesColours(output: Output, env: NodeJS.ProcessEnv): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: refused, TERM: terminal } = env;
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  return output.isTTY === true && (refused === undefined || refused === "") && terminal !== "dumb";
}

/** `styleText` of later versions of Node looks at the output itself, and at another one than is asked about here. */
const paint: (format: Colour, text: string, options: { readonly validateStream: false }) => string = styleText;

export function painter(output: Output = process.stdout, env: NodeJS.ProcessEnv = process.env): Paint {
  return takesColours(output, env)
    ? (colour, text) => paint(colour, text, { validateStream: false })
    : (_, text) => text;
}
