// Runs a script with the parts of the browser's module in scope and prints what it returns, as JSON.
// Usage: node parts.mjs SCRIPT
import { pauseBefore, keepTrying } from "../../../app/web/static/ringback/jitter.js";
import { Api, ApiError } from "../../../app/web/static/ringback/api.js";
import { CatchUp } from "../../../app/web/static/ringback/catchup.js";
import { Connection } from "../../../app/web/static/ringback/connection.js";
import { Inbox } from "../../../app/web/static/ringback/inbox.js";
import { Session } from "../../../app/web/static/ringback/session.js";
import { memoryStorage, sturdyStorage } from "../../../app/web/static/ringback/storage.js";
import { Ringback } from "../../../app/web/static/ringback.js";

const scope = {
  Api, ApiError, CatchUp, Connection, Inbox, Ringback, Session, keepTrying, memoryStorage, pauseBefore, sturdyStorage,
};
const script = `return (async () => { ${process.argv[2]} })()`;
const answer = await new Function(...Object.keys(scope), script)(...Object.values(scope));
process.stdout.write(JSON.stringify(answer ?? null), () => process.exit(0));
