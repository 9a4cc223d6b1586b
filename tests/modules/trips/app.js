// The frame's ends. The page sends three ports: for raw messages, to answer comlink on, and to ask comlink on.

const { module } = Dramac;
const ends = { ours: (payload) => module.request('echo', payload) };
module.handle('echo', (payload) => payload);

addEventListener('message', ({ data, ports }) => {
  if (data !== 'ports') return;
  ends.raw = rawEnd(ports[0]);
  ends.comlink = comlinkEnd(ports[1], ports[2]);
});
penpalEnd(parent).then((end) => { ends.penpal = end; });
