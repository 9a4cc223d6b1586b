//! The HTTP of the request log.
