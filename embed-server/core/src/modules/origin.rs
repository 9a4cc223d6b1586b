//! The origin that a module is served from.

use axum::extract::Extension;
use embed_base::http::ModuleOrigin;
use uuid::Uuid;

/// The policy of every response where modules have no origin of their own: each gets an opaque origin, and so neither
/// the server's cookies nor another module's storage. A `sandbox` attribute on the frame would not do, because the
/// embedding page could leave it out.
pub const SANDBOX: &str = "sandbox allow-scripts allow-forms allow-popups";

/// The module that a request names, unless it asks one module's origin for another module.
pub fn addressed(module: &str, own: Option<Extension<ModuleOrigin>>) -> Option<Uuid> {
    let module = Uuid::try_parse(module).ok()?;
    match own {
        Some(Extension(ModuleOrigin(own))) if own != module => None,
        _ => Some(module),
    }
}
