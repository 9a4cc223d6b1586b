//! What all pages share: the gate, the session, forms, and the elements that pages are made of.

pub mod assets;
pub mod chart;
pub mod cookies;
pub mod elements;
pub mod form;
pub mod gate;
pub mod new_secret;
pub mod page;
pub mod sign_in_link;
pub mod viewer;
