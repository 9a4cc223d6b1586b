import { embed, load } from '@dramac/embed';

// It can fail if the network does; the calls below then fail with the same error.
load({ src: '{{server}}/v1/embed.js' });

try {
  const form = await embed({
    siteId: '{{site}}',
    moduleId: '{{feedback}}',
    type: 'inline',
    container: '#feedback',
    theme: 'auto',
  });
  form.on('feedback:submitted', (data) => log('feedback:submitted', data));
  document.querySelector('#reset').addEventListener('click', () => form.send('reset'));
  document.querySelector('#end').addEventListener('click', () => {
    form.destroy();
    log('state', form.state);
  });
  await form.ready;
  log('ready');
} catch (error) {
  log('error', error.message);
}
