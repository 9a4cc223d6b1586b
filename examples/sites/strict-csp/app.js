// Until the loader is there, calls wait in a queue.
window.Dramac = window.Dramac || function () { (Dramac.q = Dramac.q || []).push(arguments); };
Dramac('embed', {
  siteId: '{{site}}',
  moduleId: '{{feedback}}',
  type: 'inline',
  container: '#feedback',
  theme: 'auto',
});
