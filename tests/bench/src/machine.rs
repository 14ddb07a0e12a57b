//! What the figures were measured on.

use std::fmt;
use std::path::Path;

use serde::Serialize;

/// The machine, the compiler and how busy it was.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cores: usize,
    processor: String,
    kernel: String,
    rustc: String,
    /// File system that the durable audit log is on.
    file_system: String,
    /// Load average over one minute when the run began: above the number of cores, expect noise.
    load: String,
    at: jiff::Timestamp,
}

impl Machine {
    pub(crate) fn look(data: &Path) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpu_info = read("/proc/cpuinfo");
        let processor = cpu_info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
        let rustc = std::process::Command::new("rustc").arg("--version").output();
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: processor.trim_start_matches([' ', '\t', ':']).to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            rustc: rustc
                .map_or_else(|_| "unknown".to_owned(), |out| String::from_utf8_lossy(&out.stdout).trim().to_owned()),
            file_system: file_system(&read("/proc/self/mounts"), data),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
            at: jiff::Timestamp::now(),
        }
    }
}

/// The type of the file system that is mounted nearest above a path.
fn file_system(mounts: &str, path: &Path) -> String {
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            Some((fields.next()?, fields.next()?))
        })
        .filter(|(place, _)| path.starts_with(place))
        .max_by_key(|(place, _)| place.len())
        .map_or_else(|| "unknown".to_owned(), |(_, kind)| kind.to_owned())
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, processor, kernel, rustc, file_system, load, at } = self;
        writeln!(f, "{cores} cores of {processor}, Linux {kernel}, {file_system}, {rustc}")?;
        writeln!(f, "{at:.0}, load average {load}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_decides() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n";
        assert_eq!(file_system(mounts, Path::new("/tmp/x")), "tmpfs");
        assert_eq!(file_system(mounts, Path::new("/var/x")), "ext4");
    }
}
