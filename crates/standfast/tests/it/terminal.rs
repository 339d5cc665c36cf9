//! What a person sees who watches a run, in a real terminal.
