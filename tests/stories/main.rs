//! The product's promises, each told as a story through the real thing.


