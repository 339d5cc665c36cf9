//! What every service of every system has in common.
