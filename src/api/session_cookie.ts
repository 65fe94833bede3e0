import { SESSION_SECONDS } from "./sessions.ts";

/** The cookie that carries a session. */
export class SessionCookie {
  private readonly name: string;

  /**
   * @param port Of the listener: browsers send cookies to every port of a host, and each handler there has
   * one of its own.
   * @param isSecure Whether the listener has TLS.
   */
  constructor(port: number, private readonly isSecure: boolean) {
    this.name = `vabus_session_${port}`;
  }

  /** The session's text that a request carries; undefined: none. */
  textOf(request: Request): string | undefined {
    const prefix = `${this.name}=`;
    return (request.headers.get("cookie") ?? "").split(";").map((part) => part.trim())
      .find((part) => part.startsWith(prefix))?.slice(prefix.length);
  }

  /** The `Set-Cookie` that stores a session. */
  storing(text: string): string {
    return this.header(text, SESSION_SECONDS);
  }

  /** The `Set-Cookie` that removes it. */
  removing(): string {
    return this.header("", 0);
  }

  private header(value: string, maxAgeSeconds: number): string {
    const secure = this.isSecure ? "; Secure" : "";
    return `${this.name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${secure}`;
  }
}
