//! Resources that processes use, from Linux's `/proc`: processor time and resident memory of a process and, for a
//! database, of all processes that it started.

use std::{fs, time::Duration};

/// Ticks of `/proc` a second: fixed in the kernel's ABI.
const TICKS_PER_SEC: u64 = 100;

/// A process, perhaps with its children.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    /// The parent.
    pub pid: u32,
    /// Whether its children count.
    pub children: bool,
}

struct Stat {
    parent: u32,
    ticks: u64,
}

/// `/proc/PID/stat`: the name in parentheses may contain anything; numbers follow it.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    // State, parent, …; user and system time are the 14th and 15th fields of the whole line, followed by those of ended
    // children.
    let ticks = [11, 12, 13, 14].into_iter().filter_map(number).sum();
    Some(Stat { parent: u32::try_from(number(1)?).ok()?, ticks })
}

fn members(family: Family) -> Vec<Stat> {
    let mut list: Vec<Stat> = stat(family.pid).into_iter().collect();
    if family.children {
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        list.extend(pids.filter_map(stat).filter(|it| it.parent == family.pid));
    }
    list
}

/// Processor time used so far, by ended processes as well.
pub(super) fn processor(families: &[Family]) -> Duration {
    let ticks: u64 = families.iter().flat_map(|family| members(*family)).map(|it| it.ticks).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SEC)
}

/// Present and peak resident memory of the parent alone, in bytes.
pub(super) fn memory(pid: u32) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let of = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    (of("VmRSS:").unwrap_or(0), of("VmHWM:").unwrap_or(0))
}

/// The PostgreSQL server on a port of this machine, found by its command line.
pub(super) fn postmaster(port: u16) -> Option<Family> {
    let pids =
        fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let named = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        // The command that started it under another account has the same command line.
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.trim() == "postgres" && line.contains(&format!("port={port} "))
    };
    // The parent is the process whose own parent is not among them; the children rename themselves.
    pids.into_iter().find(named).map(|pid| Family { pid, children: true })
}
