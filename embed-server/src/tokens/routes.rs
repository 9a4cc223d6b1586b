//! The HTTP of API tokens.
