//! Settings: flags, then `COUNTERSIGN_*` variables, then `countersign.toml`, then defaults.
