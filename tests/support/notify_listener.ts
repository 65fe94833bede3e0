import { until } from "./executable.ts";

/**
 * The service manager's side of the sd_notify protocol: a real datagram socket and the datagrams that it has
 * received.
 */
export class NotifyListener implements AsyncDisposable {
  /** The datagrams, in their order, each by its names. */
  readonly heard: Record<string, string>[] = [];
  private readonly hearing: Promise<void>;

  private constructor(readonly name: string, private readonly socket: Deno.DatagramConn) {
    this.hearing = this.hear();
  }

  /** @param name A path; with `@` in front the name of a socket outside of the file system. */
  static listen(name: string): NotifyListener {
    const path = name.replace(/^@/, "\0");
    return new NotifyListener(name, Deno.listenDatagram({ transport: "unixpacket", path }));
  }

  count(name: string): number {
    return this.heard.filter((message) => name in message).length;
  }

  /** The latest value that was said of `name`. */
  latest(name: string): string | undefined {
    return this.heard.findLast((message) => name in message)?.[name];
  }

  /** Waits until `name` was said `times` more than until now. */
  async more(name: string, times: number): Promise<void> {
    const wanted = this.count(name) + times;
    await until(
      () => this.count(name) >= wanted,
      () => `${name}; heard ${JSON.stringify(this.heard)}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    await this.hearing;
  }

  private async hear(): Promise<void> {
    for await (const [bytes] of this.socket) {
      const lines = new TextDecoder().decode(bytes).split("\n").filter((line) => line !== "");
      this.heard.push(Object.fromEntries(lines.map((line) => {
        const at = line.indexOf("=");
        return [line.slice(0, at), line.slice(at + 1)];
      })));
    }
  }
}
