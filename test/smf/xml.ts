/** As much of XML as a manifest uses: elements, attributes, text, comments. What is not well-formed is xmllint's to tell. */

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  readonly text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const decode = (text: string) => text.replace(/&(\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole);

type Building = { name: string; attributes: Record<string, string>; children: Element[]; text: string };
const TOKEN =
  /<!--[\s\S]*?-->|<[?!][^>]*>|<\/[^>]+>|<(?<name>[\w:]+)(?<attributes>[^>]*?)(?<empty>\/?)>|(?<text>[^<]+)/g;

/** The document's root. */
export function parseXml(document: string): Element {
  const top: Building = { name: "", attributes: {}, children: [], text: "" };
  const open = [top];
  for (const { 0: whole, groups = {} } of document.matchAll(TOKEN)) {
    const innermost = open.at(-1) ?? top;
    if (groups.text !== undefined) innermost.text += decode(groups.text);
    else if (whole.startsWith("</")) open.pop();
    else if (groups.name !== undefined) {
      const pairs = [...(groups.attributes ?? "").matchAll(/([\w:]+)='([^']*)'/g)];
      const attributes = Object.fromEntries(pairs.map(([, name = "", value = ""]) => [name, decode(value)]));
      const element: Building = { name: groups.name, attributes, children: [], text: "" };
      innermost.children.push(element);
      if (groups.empty === "") open.push(element);
    }
  }
  const [root] = top.children;
  if (root === undefined || open.length !== 1) throw new Error("not a whole document");
  return root;
}

/** Every element of that name below, in the document's order. */
export function all(within: Element, name: string): Element[] {
  return within.children.flatMap((child) => [...(child.name === name ? [child] : []), ...all(child, name)]);
}

/** The one element of that name below. */
export function one(within: Element, name: string, attributes: Readonly<Record<string, string>> = {}): Element {
  const wanted = Object.entries(attributes);
  const found = all(within, name).filter((each) => wanted.every(([key, value]) => each.attributes[key] === value));
  const [first] = found;
  if (first === undefined || found.length > 1)
    throw new Error(`${found.length} elements ${name} ${JSON.stringify(attributes)}`);
  return first;
}
