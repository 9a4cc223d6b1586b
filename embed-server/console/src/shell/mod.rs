//! What all pages share: the gate before them, the session behind them, forms, and the elements that they are made of.

pub mod assets;
pub mod chart;
pub mod cookies;
pub mod elements;
pub mod form;
pub mod fresh;
pub mod gate;
pub mod page;
pub mod sign_in_link;
pub mod viewer;
