//! A process of the test's own is led through a few calls and goes on as before.

use std::os::fd::AsRawFd;

use super::*;
use crate::sys::{Forked, SocketKind};

#[test]
fn a_puppet_does_what_it_is_told_and_then_goes_on() {
    let (ours, theirs) = sys::socket_pair(SocketKind::Packet).unwrap();
    // SAFETY: the child only receives and exits, which need no lock of another thread.
    #[allow(unsafe_code)]
    let Forked::Parent(pid) = (unsafe { sys::fork() }).unwrap() else {
        let mut byte = [0; 1];
        let heard = sys::receive(theirs.as_fd(), &mut byte, Waiting::Block);
        sys::exit_now(if heard.is_ok_and(|(count, fds)| count == 1 && fds.is_empty()) { 7 } else { 1 });
    };
    let puppet = Puppet::seize(pid).unwrap();
    assert_eq!(puppet.waits_on(), theirs.as_raw_fd());
    assert_eq!(puppet.call(libc::SYS_getpid, [0; 6]).unwrap(), pid as u64);
    let missing = puppet.call_with(libc::SYS_chdir, [0; 6], 0, b"/nowhere\0").unwrap_err();
    assert_eq!(missing.raw_os_error(), Some(libc::ENOENT));
    let (given, _other) = sys::pipe().unwrap();
    let number = puppet.hand(ours.as_fd(), given.as_fd()).unwrap();
    let link = std::fs::read_link(format!("/proc/{pid}/fd/{number}")).unwrap();
    assert_eq!(link, std::fs::read_link(format!("/proc/self/fd/{}", given.as_raw_fd())).unwrap());
    let child = puppet.fork_with_number_at(puppet.number_address().unwrap()).unwrap();
    assert_eq!(child.call(libc::SYS_getppid, [0; 6]).unwrap(), pid as u64);
    child.kill().unwrap();
    puppet.release().unwrap();
    sys::send(ours.as_fd(), b"g", &[], Waiting::Block).unwrap();
    assert_eq!(sys::reap(Some(pid), Waiting::Block).unwrap(), Some((pid, sys::Ended::Code(7))));
}
