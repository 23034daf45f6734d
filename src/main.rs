//! The `actwright` program: everything it does is in the library, under `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    actwright::cli::main()
}
