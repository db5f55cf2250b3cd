//! Expansions fit a screen.
