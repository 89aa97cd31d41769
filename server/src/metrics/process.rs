//! What the system says of this process, on Linux. It knows no metric.

use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, getrlimit},
};
use std::fs;

/// Figures of one moment.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) cpu_secs: f64,
    pub(super) resident_bytes: u64,
    pub(super) virtual_bytes: u64,
    pub(super) threads: u64,
    pub(super) open_files: u64,
    /// `None` without a limit.
    pub(super) files_max: Option<u64>,
    /// In seconds since 1970.
    pub(super) started_at: f64,
}

impl Process {
    /// The figures; `None` where the system has no `/proc`.
    pub(super) fn read() -> Option<Process> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let system = fs::read_to_string("/proc/stat").ok()?;
        // The open folder is one of the files that it lists.
        let open_files = u64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?.saturating_sub(1);
        let files_max = getrlimit(Resource::Nofile).current;
        Some(Process { open_files, files_max, ..Process::of(&stat, &system, clock_ticks_per_second(), page_size())? })
    }

    /// The figures of the two files, whose times are in ticks and whose memory is in pages (proc(5)).
    fn of(stat: &str, system: &str, ticks_per_sec: u64, page_bytes: usize) -> Option<Process> {
        // The program's name is in brackets and may contain anything. The fields are counted from the third, the state.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<u64>().ok();
        let secs = |ticks: u64| ticks as f64 / ticks_per_sec as f64;
        let booted_at = system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse::<f64>().ok()?;
        Some(Process {
            cpu_secs: secs(field(14)? + field(15)?),
            threads: field(20)?,
            started_at: booted_at + secs(field(22)?),
            virtual_bytes: field(23)?,
            resident_bytes: field(24)? * page_bytes as u64,
            open_files: 0,
            files_max: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_whatever_the_program_is_called() {
        let stat =
            "77 (a ) b) S 1 77 77 0 -1 4194304 500 0 0 0 150 50 0 0 20 0 9 0 1234 1048576 256 18446744073709551615 1";
        let system = "cpu  1 2 3\nbtime 1700000000\nprocesses 5\n";
        let process = Process::of(stat, system, 100, 4096).expect("figures");
        assert_eq!((process.cpu_secs, process.threads), (2.0, 9));
        assert_eq!((process.virtual_bytes, process.resident_bytes), (1_048_576, 1_048_576));
        assert_eq!(process.started_at, 1_700_000_012.34);
        assert!(Process::of("77 (cut) S 1", system, 100, 4096).is_none());
        assert!(Process::of(stat, "cpu 1\n", 100, 4096).is_none());
    }

    #[test]
    fn this_process_has_figures() {
        let process = Process::read().expect("figures");
        assert!(process.resident_bytes > 1 << 20 && process.virtual_bytes >= process.resident_bytes, "{process:?}");
        assert!(process.threads > 0 && process.open_files > 2, "{process:?}");
        assert!(process.files_max.is_none_or(|most| most >= process.open_files), "{process:?}");
        assert!(process.started_at > 1_600_000_000.0 && process.cpu_secs >= 0.0, "{process:?}");
    }
}
