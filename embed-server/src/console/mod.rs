//! The operators' web pages.
