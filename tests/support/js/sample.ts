// A small use of the browser's client, for the type checker alone: each `@ts-expect-error` must hold.
import { ApiError, memoryStorage, Ringback } from "../../../app/web/static/ringback.js";
import type { Job, Notification, Read, State } from "../../../app/web/static/ringback.js";

const shown: Notification[] = [];

function describe(state: State): string {
  if (state.name !== "offline") return state.name;
  const seconds = state.retryAt === undefined ? "" : ` ${(state.retryAt - Date.now()) / 1000} s`;
  return `offline: ${state.reason ?? ""}${seconds}`;
}

export async function listen(email: string, password: string): Promise<Ringback> {
  const client = new Ringback({ storage: memoryStorage(), after: 0, share: false });
  client.addEventListener("notification", ({ detail }) => shown.push(detail.notification));
  client.addEventListener("job", ({ detail }) => console.log((detail satisfies Job).progress));
  client.addEventListener("state", ({ detail }) => console.log(describe(detail)));
  client.addEventListener("read", ({ detail }) => console.log(detail.up_to, detail.unread));
  client.addEventListener("ready", ({ detail }) => console.log(detail.head, detail.read));
  try {
    if (!(await client.restore())) await client.signIn(email, password);
  } catch (error) {
    if (error instanceof ApiError && error.isRefusal) console.error(error.describe(), error.fields);
    throw error;
  }
  client.start();
  return client;
}

export async function use(client: Ringback): Promise<Read> {
  const answer = await client.call("POST", "/v1/jobs", { body: { type: "add", params: {} } });
  console.log((await answer.json()).id, client.user?.email, client.hasConnection);
  // @ts-expect-error: nobody may be signed in
  client.user.email;
  // @ts-expect-error: the cursor is the client's own
  client.cursor = 5;
  // @ts-expect-error: there is no such event
  client.addEventListener("message", (event: CustomEvent<Job>) => event.detail);
  // @ts-expect-error: no state has this name
  if (client.state.name === "online") client.retryNow();
  return client.markRead(client.cursor);
}
