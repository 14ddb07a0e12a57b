//! Integration tests: what users rely on, through real parts.
