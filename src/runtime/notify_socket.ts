/**
 * Notifies the service manager by systemd's sd_notify protocol: datagrams of `NAME=value` lines to the socket
 * named by `NOTIFY_SOCKET`. That is a path, or a name after `@` for a socket that is not in the file system.
 */
export class NotifySocket {
  private constructor(private readonly socket: Deno.DatagramConn, private readonly address: Deno.UnixAddr) {}

  /** @throws when the system does not allow such a socket. */
  static open(name: string): NotifySocket {
    // A datagram socket of Deno must have a name. This name is not in the file system, so nothing is left
    // behind.
    const own = `\0vabus-data-handler-${Deno.pid}-${crypto.randomUUID()}`;
    const socket = Deno.listenDatagram({ transport: "unixpacket", path: own });
    return new NotifySocket(socket, { transport: "unixpacket", path: name.replace(/^@/, "\0") });
  }

  /** Sends one datagram. @throws when it cannot be delivered. */
  async send(assignments: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries(assignments).map(([name, value]) =>
      `${name}=${value.replaceAll("\n", " ")}\n`
    );
    await this.socket.send(new TextEncoder().encode(lines.join("")), this.address);
  }

  close(): void {
    this.socket.close();
  }
}
