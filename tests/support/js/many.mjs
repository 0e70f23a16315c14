// Many of the official JavaScript client in one process: prints what each is told, one line of JSON for
// each event: [client, event, payload, milliseconds since 1970].
// Usage: node many.mjs URL TOKEN COUNT; it ends when the last one is disconnected.
import { io } from "socket.io-client";

const [url, token, count] = process.argv.slice(2);
let left = Number(count);

for (let client = 0; client < Number(count); client++) {
  const print = (event, payload) =>
    console.log(JSON.stringify([client, event, payload ?? null, Date.now()]));
  const end = (event, payload) => {
    print(event, payload);
    if (--left === 0) process.exit(0);
  };
  const socket = io(url, {
    auth: { token },
    transports: ["websocket"],
    reconnection: false,
    forceNew: true,
  });
  socket.on("connect_error", (error) => end("connect_error", error.data ?? error.message));
  socket.on("disconnect", (reason) => end("disconnect", reason));
  socket.onAny(print);
}
