//! Attempts on what sessions share: packages and artifacts.

use super::Class::Shared;
use super::{Attempt, Script, attempt};

/// In the order of the table. Name, aim, what refuses it in `full`, what in `restricted`.
#[rustfmt::skip]
pub const ATTEMPTS: &[Attempt] = &[
    attempt(Shared, "write_package", "append to a package that all sessions import", "EROFS or EACCES", "EACCES"),
    attempt(Shared, "write_package_by_proc", "reopen to write what was opened to read", "EROFS or EACCES", "EACCES"),
    attempt(Shared, "write_package_by_hard_link", "write to it by a name of its own", "EXDEV or EROFS or EACCES or EPERM", "EXDEV or EACCES or EPERM"),
    attempt(Shared, "add_module", "add a module that all can import", "EROFS or EACCES", "EACCES"),
    attempt(Shared, "add_startup_file", "add a file that every Python runs", "EROFS or EACCES", "EACCES"),
    attempt(Shared, "exchange_package", "put a file in a package's place", "EROFS or EACCES", "EACCES"),
    attempt(Shared, "remove_package", "remove a file of a package", "EROFS or EACCES", "EACCES"),
    attempt(Shared, "change_mode_of_package", "change the mode of a package's file", "EROFS or EPERM", "EPERM"),
    attempt(Shared, "turn_link", "have sessions import other packages", "EROFS or EACCES", "EACCES"),
    attempt(Shared, "install_over_packages", "install among them with pip", "EROFS or EACCES or no pip", "EACCES or no pip"),
    attempt(Shared, "add_package_by_call", "add a package where the host says no", "DepsDeniedError", "DepsDeniedError").shown_by("list_packages"),
    attempt(Shared, "add_package_in_anothers_name", "the same, as if its user had asked", "denied", "denied").shown_by("list_packages"),
    attempt(Shared, "save_file_of_host", "have a file of the host kept", "ArtifactNameError", "ArtifactNameError"),
    attempt(Shared, "save_file_by_link", "the same by a link", "ArtifactNameError", "ArtifactNameError"),
    attempt(Shared, "save_file_by_link_to_directory", "the same by a link to its directory", "ArtifactNameError", "ArtifactNameError"),
    attempt(Shared, "to_file_by_link", "write a file of the host by a link", "ENOENT", "EACCES"),
    attempt(Shared, "save_under_a_path", "save under a name that is a path", "ArtifactNameError", "ArtifactNameError").shown_by("save_one"),
    attempt(Shared, "save_under_a_long_way_round", "save under a path of many parts", "ArtifactNameError", "ArtifactNameError").shown_by("save_one"),
    attempt(Shared, "say_more_than_a_piece_holds", "have the host take 5 MB at once", "ArtifactNameError", "ArtifactNameError").shown_by("save_one"),
    attempt(Shared, "load_a_pickle", "have a pickle loaded", "ArtifactError", "ArtifactError").shown_by("save_one"),
    attempt(Shared, "read_store", "read the store of all artifacts", "ENOENT", "EACCES"),
    attempt(Shared, "list_contents", "list what artifacts hold", "ENOENT", "EACCES"),
    attempt(Shared, "go_on_with_anothers_save", "write into a save of another session", "ended", "ended").by(Script::Beside { victim: "begin_save" }).shown_by("go_on_with_own_save"),
];
