// Calls are queued until the loader has loaded.
window.Dramac = window.Dramac || function () { (Dramac.q = Dramac.q || []).push(arguments); };
Dramac('embed', {
  siteId: '{{site}}',
  moduleId: '{{feedback}}',
  type: 'inline',
  container: '#feedback',
  theme: 'auto',
});
