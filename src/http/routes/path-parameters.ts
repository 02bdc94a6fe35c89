/** What paths have in them. Each parameter is one segment, percent-decoded: a subnet's slash is `%2F` there. */
import type { FastifyRequest } from "fastify";
import { badRequest } from "../../error.ts";
import { type Cidr, parseCidr } from "../../net/cidr.ts";
import { parseUuid, type Uuid } from "../../uuid.ts";
import { ipNet, uuid } from "../schemas/basic.ts";

interface Parameter {
  readonly schema: object;
  readonly what: string;
  parse(text: string): unknown;
}

const UUID: Parameter = { schema: uuid, what: "a UUID", parse: parseUuid };

const PARAMETERS = {
  propolis_id: UUID,
  vpc_id: UUID,
  subnet: { schema: ipNet, what: "an IP network, ADDRESS/LENGTH with its slash as %2F", parse: parseCidr },
} as const satisfies Readonly<Record<string, Parameter>>;

type Name = keyof typeof PARAMETERS;

export function parametersOf(path: string): Name[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => {
    if (name !== undefined && name in PARAMETERS) return name as Name;
    throw new Error(`${path}: nothing is known of the parameter ${name}`);
  });
}

/** For the document. */
export function parametersSchema(names: readonly Name[]): object {
  const properties = Object.fromEntries(names.map((name) => [name, PARAMETERS[name].schema]));
  return { type: "object", properties, required: names };
}

const textOf = (request: FastifyRequest, name: Name): string =>
  (request.params as Readonly<Record<Name, string>>)[name];

/** A bad parameter is told before a bad body, as in the original: they are looked at before the body is read. */
export function parametersCheck(names: readonly Name[]): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    for (const name of names) {
      const { parse, what } = PARAMETERS[name];
      const text = textOf(request, name);
      if (parse(text) === undefined) {
        throw badRequest(`bad parameter in URL path: ${name}: ${text} is not ${what}`);
      }
    }
  };
}

/** Checked before anything else of the request, as all of them. */
export function propolisId(request: FastifyRequest): Uuid {
  return PARAMETERS.propolis_id.parse(textOf(request, "propolis_id")) as Uuid;
}

export function subnetInPath(request: FastifyRequest): Cidr {
  return PARAMETERS.subnet.parse(textOf(request, "subnet")) as Cidr;
}
