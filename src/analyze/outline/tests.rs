//! Tests of outlines.
