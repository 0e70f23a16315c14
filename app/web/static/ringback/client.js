/**
 * The official Socket.IO client (`io`) of the server that this module is from, loaded when needed.
 *
 * @param {import("./api.js").Api} api the server.
 * @returns {() => Promise<Function>} gives `io`, or throws an error that says why there is none.
 */
export function clientLoader(api) {
  const address = new URL("../socket.io.esm.js", import.meta.url).href;
  let tries = 0;
  let io = null;
  return async () => {
    if (io) return io;
    // A browser remembers a module that could not be loaded, under its address.
    const fresh = tries++ ? `${address}?try=${tries}` : address;
    try {
      io = (await import(fresh)).io;
      return io;
    } catch {
      const text = await fetch(address).then((answer) => (answer.ok ? "" : answer.text()), () => "");
      throw new Error(text || api.silence);
    }
  };
}
