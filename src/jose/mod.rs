//! Signing, encryption, and the strict gate before josekit.
