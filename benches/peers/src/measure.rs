//! Clocks, resident memory and the line of JSON.

use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike;

use crate::session::Result;

/// Wall time and CPU time of all threads, from one moment on.
pub struct Meter {
    wall: Instant,
    cpu: Duration,
}

pub struct Spent {
    pub wall: Duration,
    pub cpu: Duration,
}

impl Meter {
    pub fn start() -> Result<Self> {
        Ok(Self { cpu: cpu_time()?, wall: Instant::now() })
    }

    pub fn stop(self) -> Result<Spent> {
        let wall = self.wall.elapsed();
        Ok(Spent { wall, cpu: cpu_time()? - self.cpu })
    }
}

impl Spent {
    pub fn per_second(&self, count: usize) -> f64 {
        count as f64 / self.wall.as_secs_f64()
    }

    pub fn cpu_us_per(&self, count: usize) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / count as f64
    }

    pub fn throughput(&self, count: usize) -> String {
        format!(r#"{{"msgs_per_s":{:.1},"cpu_us_per_msg":{:.4}}}"#, self.per_second(count), self.cpu_us_per(count))
    }
}

fn cpu_time() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(microseconds)?))
}

/// The time below which `percent` of all fall, in microseconds. Sorts.
pub fn percentile_us(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6
}

/// Exact, which /proc/self/status is not: it is off by some pages for each core.
pub fn resident_bytes() -> Result<i64> {
    let sums = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = sums.lines().find_map(|line| line.strip_prefix("Rss:")).ok_or("no Rss in /proc/self/smaps_rollup")?;
    let kibibytes: i64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}

/// As many open files as this user may have: one for each session.
pub fn raise_file_limit() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}
