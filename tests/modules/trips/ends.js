// One end of each channel that is compared; the page and the frame have the same.

// The least that asks and answers over a port.
const rawEnd = (port) => {
  const waiting = new Map();
  let lastId = 0;
  port.onmessage = ({ data }) => {
    if (data.type) return port.postMessage({ id: data.id, result: data.payload });
    const resolve = waiting.get(data.id);
    waiting.delete(data.id);
    resolve(data.result);
  };
  return (payload) => new Promise((resolve) => {
    waiting.set(++lastId, resolve);
    port.postMessage({ id: lastId, type: 'dramac:echo', payload });
  });
};

// Comlink answers on one port, and asks on another.
const comlinkEnd = (answering, asking) => {
  Comlink.expose((payload) => payload, answering);
  return Comlink.wrap(asking);
};

const penpalEnd = async (remoteWindow) => {
  const messenger = new Penpal.WindowMessenger({ remoteWindow, allowedOrigins: ['*'] });
  const remote = await Penpal.connect({ messenger, methods: { echo: (payload) => payload } }).promise;
  return (payload) => remote.echo(payload);
};

// Round trips per second, with so many under way at once.
const rate = async (call, count, inFlight, payload) => {
  if (await call(payload) !== payload) throw Error('the answer is not what was sent');
  const start = performance.now();
  let left = count;
  const lane = async () => { while (left-- > 0) await call(payload); };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return count * 1000 / (performance.now() - start);
};
