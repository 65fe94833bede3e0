import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { type Api, ApiFailure } from "./api.ts";
import { html } from "./html.ts";
import type { Standing } from "./standing.ts";

interface SignInProps {
  readonly api: Api;
  /** Whether a session of this page has ended. */
  readonly wasSignedIn: boolean;
  readonly onSignedIn: (standing: Standing) => void;
}

/** Exchanges a token for a session. The token is in memory for that long and nowhere else. */
export function SignIn({ api, onSignedIn, wasSignedIn }: SignInProps): VNode {
  const [token, setToken] = useState("");
  const [failure, setFailure] = useState("");
  const [isWaiting, setWaiting] = useState(false);
  const signIn = async (event: Event) => {
    event.preventDefault();
    if (isWaiting) return;
    setWaiting(true);
    try {
      onSignedIn(await api.post<Standing>("session", { token: token.trim() }));
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      setFailure(`${error.message}.`);
      setWaiting(false);
    }
  };
  return html`
    <main class="sign-in">
      <img src="assets/icon.svg" alt="" width="48" height="48" />
      <h1>VaBus Data Handler</h1>
      <form class="card" onSubmit=${signIn}>
        ${wasSignedIn && html`
          <p role="status">
            Your session is over. It ends when you sign out, after a time, and when the handler starts again.
          </p>
        `}
        <label class="field">
          <span>Token</span>
          <input type="password" name="token" autocomplete="current-password" required autofocus
            value=${token} aria-describedby="token-help"
            onInput=${(event: Event) => setToken((event.target as HTMLInputElement).value)} />
        </label>
        <p id="token-help" class="hint">
          The token of VIEWER_TOKEN shows everything. That of ADMIN_TOKEN also changes.
        </p>
        <p class="failure" role="alert">${failure}</p>
        <button type="submit" class="button button-main" aria-disabled=${isWaiting}>Sign in</button>
      </form>
    </main>
  `;
}
