//! The pages of apps: those of a client's origins may call the API of its module, with its own tokens alone.

use super::{CLIENTS, Client, OAuth, store};
use embed_base::Result;
use std::collections::HashSet;
use std::sync::Arc;
use uuid::Uuid;

impl Client {
    /// Whether pages of this origin may use its tokens: those that it lists, and where it is sent back to over https.
    pub(super) fn has_origin(&self, origin: &str) -> bool {
        self.origins().any(|known| known == origin)
    }

    fn origins(&self) -> impl Iterator<Item = String> + '_ {
        let of_uris = self.redirect_uris().filter_map(|uri| uri.origin());
        self.allowed_origins.iter().cloned().chain(of_uris)
    }
}

impl OAuth {
    /// Whether a client of the module has pages of this origin.
    pub async fn is_app_origin(&self, module: Uuid, origin: &str) -> Result<bool> {
        let read = || async {
            let mut tx = self.context.db.read_global().await?;
            let clients = store::clients_of_module(&mut tx, module).await?;
            let origins: HashSet<String> = clients.iter().flat_map(Client::origins).collect();
            Ok((Arc::new(origins), vec![(CLIENTS, module.to_string())]))
        };
        Ok(self.origins.get(module, read).await?.contains(origin))
    }
}
