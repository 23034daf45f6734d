//! Plans for typical policies, whole, so that a change of what is visible is a reviewed change.
