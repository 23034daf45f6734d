//! Names of the tree that sessions see: what of the host is shown, and where their own parts lie.

/// Trees of programs and libraries, shown read-only where they exist.
pub const SYSTEM_TREES: [&str; 6] = ["/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin"];

/// What of `/etc` programs need to load libraries, tell the time, check certificates and know ports by name.
pub const SYSTEM_ETC: [&str; 13] = [
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/ssl",
    "/etc/ca-certificates",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/alternatives",
    "/etc/mime.types",
    "/etc/fonts",
    "/etc/services",
    "/etc/protocols",
];

/// Device nodes that hold no state.
pub const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Where a session of level `full` has file systems of its own.
pub const COVERED: [&str; 4] = ["/tmp", "/run", "/dev/shm", "/session"];

/// The room's directory above everything that is a session's own to write. File rules name it and not what is mounted
/// below, so that they hold in the namespaces of a twin as well, whose file systems did not exist when they were made.
pub const OWN: &str = "/own";

/// The same for what the kernel tells of a session's own processes.
pub const KERNEL: &str = "/kernel";

/// The names by which everybody knows what is mounted below those two, as links of the room's root.
pub const LINKS: [(&str, &str); 4] =
    [("/session", "own/session"), ("/tmp", "own/tmp"), ("/dev/shm", "../own/shm"), ("/proc", "kernel/proc")];

/// What of `/proc` a process without a namespace of its own may still read.
pub const RESTRICTED_PROC: [&str; 6] = [
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/kernel",
    "/proc/sys/vm/overcommit_memory",
];
