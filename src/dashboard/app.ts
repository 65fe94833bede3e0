import type { VNode } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Api, ApiFailure } from "./api.ts";
import { html } from "./html.ts";
import { LocationContext, useAddress } from "./location.ts";
import { LiveStream } from "./live_stream.ts";
import { FailureNotice } from "./notices.ts";
import { PageContext } from "./page_context.ts";
import { Shell } from "./shell.ts";
import { SignIn } from "./sign_in.ts";
import type { Standing } from "./standing.ts";

/** The page: for who has a role the views, for others the sign-in. */
export function App(): VNode {
  const [standing, setStanding] = useState<Standing | undefined>(undefined);
  const [wasSignedIn, setWasSignedIn] = useState(false);
  const [failure, setFailure] = useState<ApiFailure | undefined>(undefined);
  const api = useMemo(() => new Api(() => void look()), []);
  const enter = (next: Standing) => {
    setStanding(next);
    if (next.role !== null) setWasSignedIn(true);
  };
  const look = async () => {
    try {
      enter(await api.get<Standing>("session"));
      setFailure(undefined);
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      setFailure(error);
    }
  };
  const signOut = async () => {
    // Nothing that is shown asks for more: without a session it would be refused.
    setStanding(undefined);
    await api.delete("session").catch(() => {});
    await look();
  };
  useEffect(() => void look(), []);
  if (standing === undefined) {
    return failure === undefined ? html`<p class="loading">Loading …</p>` : html`
      <main class="sign-in">
        <${FailureNotice} failure=${failure} again=${look} />
      </main>
    `;
  }
  if (standing.role === null) {
    return html`<${SignIn} api=${api} wasSignedIn=${wasSignedIn} onSignedIn=${enter} />`;
  }
  return html`<${SignedIn} api=${api} standing=${standing} look=${look} signOut=${signOut} />`;
}

interface SignedInProps {
  readonly api: Api;
  readonly standing: Standing;
  /** Asks the handler again who looks. */
  readonly look: () => Promise<void>;
  readonly signOut: () => Promise<void>;
}

function SignedIn({ api, look, signOut, standing }: SignedInProps): VNode {
  const live = useMemo(() => new LiveStream(() => void look()), []);
  // Nobody looks at a hidden page, so the handler tells it nothing.
  useEffect(() => {
    const follow = () => document.hidden ? live.stop() : live.start();
    follow();
    document.addEventListener("visibilitychange", follow);
    return () => {
      document.removeEventListener("visibilitychange", follow);
      live.stop();
    };
  }, [live]);
  const address = useAddress();
  const page = useMemo(() => ({ api, live, standing }), [api, live, standing]);
  return html`
    <${PageContext.Provider} value=${page}>
      <${LocationContext.Provider} value=${address}>
        <${Shell} onSignOut=${signOut} />
        <//>
        <//>
  `;
}
