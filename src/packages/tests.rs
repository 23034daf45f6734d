//! The story of one base directory, with an installer that is a program of the test.
