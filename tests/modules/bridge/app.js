// What a story asks the module to do beyond this, it does itself, inside the frame.

const { module } = Dramac;
const heard = [];

module.on('note', (data) => heard.push(data));
module.handle('echo', (data) => data);
module.handle('fail', () => { throw Object.assign(new Error('The module has no luck.'), { code: 'unlucky' }); });
module.handle('never', () => new Promise(() => {}));
