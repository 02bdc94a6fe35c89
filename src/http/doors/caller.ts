/** Who is at the other end of a connection, as far as it can be known. */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { PeerCredentials } from "../../host/binding.ts";
import { ipBytes, ipFromBytes, isIpv4, parseIp } from "../../net/ip.ts";
import { type ClientCertificate, clientCertificate } from "./certificate-names.ts";

/** Asks the system by the descriptor of a connection. */
export type AskPeer = (fd: number) => PeerCredentials | undefined;

/** For the log: who asked. */
export interface AskedBy {
  readonly remote_addr?: string;
  readonly certificate?: { readonly name: string; readonly fingerprint: string };
  readonly token?: string;
  readonly uid?: number;
  readonly pid?: number;
}

export class Caller {
  readonly certificate: ClientCertificate | undefined;
  readonly seen: AskedBy;

  constructor(socket: Socket, askPeer: AskPeer | undefined) {
    this.certificate = certificateOf(socket);
    const { remoteAddress } = socket;
    this.seen = {
      ...(remoteAddress !== undefined && { remote_addr: remoteAddress }),
      ...(this.certificate && {
        certificate: { name: this.certificate.name, fingerprint: this.certificate.fingerprint },
      }),
      ...(remoteAddress === undefined && askPeer !== undefined && credentialsOf(socket, askPeer)),
    };
  }

  /** The one that counts requests by: the surest thing that is known. */
  key(token: string | undefined): string {
    if (token !== undefined) return `token ${token}`;
    if (this.certificate !== undefined) return `certificate ${this.certificate.name}`;
    return this.seen.remote_addr === undefined ? "unix" : `network ${networkOf(this.seen.remote_addr)}`;
  }
}

/** A host takes what addresses it likes of its link's /64 (RFC 4862), so all of one are one client. */
function networkOf(address: string): string {
  const ip = parseIp(address.split("%", 1)[0] ?? "");
  if (ip === undefined || isIpv4(ip) || ip.startsWith("::ffff:")) return address;
  return ipFromBytes(ipBytes(ip).map((byte, i) => (i < 8 ? byte : 0))) ?? address;
}

function certificateOf(socket: Socket): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const peer = socket.getPeerCertificate();
  return peer.fingerprint256 === undefined ? undefined : clientCertificate(peer);
}

/** Node has no word for the descriptor; it is where all versions that we run on have it. */
function credentialsOf(socket: Socket, askPeer: AskPeer): PeerCredentials | undefined {
  const { _handle: handle } = socket as { readonly _handle?: { readonly fd?: number } | null };
  return handle?.fd === undefined || handle.fd < 0 ? undefined : askPeer(handle.fd);
}
