//! The works of the benchmarks, for any client.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::measure::{Meter, percentile_us, raise_file_limit, resident_bytes};
use crate::options::Options;
use crate::session::{Expected, Result, Runtime, Session};
use crate::target::{Purpose, Target};

/// Messages sent before their echoes are received, and messages to a flush.
const BURST: usize = 256;
const QUIET: Duration = Duration::from_millis(1500);

/// Does the work that the options name and gives the line of JSON.
pub fn run<S: Session>(options: &Options, batch: bool) -> Result<String> {
    let work = options.work.strip_prefix("tls-").unwrap_or(&options.work);
    // A runtime's event loop is what receives here anyway.
    let work = work.strip_prefix("callback-").unwrap_or(work);
    let (size, count) = (options.size.unwrap_or_else(|| usual_size(work)), options.count.max(1));
    let purpose = match work {
        "connect" | "connect-resumed" | "idle" => Purpose::ManySessions,
        _ if batch => Purpose::Batches,
        _ => Purpose::Throughput,
    };
    let mut target = Target::new(&options.url, options.ca.as_deref(), work == "connect-resumed", purpose, size)?;
    target.no_context_takeover = work.starts_with("deflate-alone-");
    let load = Load { payload: pattern(size), count, batch, target };
    S::Runtime::block_on(async {
        match work {
            "rtt-64" | "rtt-4k" => load.round_trips::<S>().await,
            "burst-64" => load.bursts::<S>().await,
            "stream-64" => load.stream::<S>().await,
            "duplex-64" => load.duplex::<S>().await,
            "threads-64" => load.threads::<S>().await,
            "big-1m" => load.big::<S>().await,
            "json-4k" | "json-64k" | "deflate-4k" | "deflate-alone-4k" | "deflate-64k" => {
                load.texts::<S>(options.texts.as_deref().ok_or("--texts is needed")?).await
            }
            "connect" | "connect-resumed" => load.connects::<S>(options.hosts).await,
            "idle" => load.idle::<S>(options.connections.max(1), options.hosts).await,
            _ => Err("no such work".into()),
        }
    })
}

fn usual_size(work: &str) -> usize {
    match work {
        "rtt-4k" => 4096,
        "big-1m" => 1 << 20,
        _ => 64,
    }
}

fn pattern(size: usize) -> Bytes {
    (0..size).map(|index| (index * 31 + 7).to_le_bytes()[0]).collect()
}

/// Its lines, until the process ends.
fn load_texts(file: &Path) -> Result<Vec<&'static [u8]>> {
    let lines: &'static [u8] = std::fs::read(file)?.leak();
    let texts: Vec<_> = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    if texts.is_empty() { Err("no message in the file".into()) } else { Ok(texts) }
}

/// Again from the first after the last.
async fn echo_texts<S: Session>(session: &mut S, texts: &[&'static [u8]], first: usize, count: usize) -> Result<()> {
    for text in texts.iter().cycle().skip(first % texts.len()).take(count) {
        session.send_text(&Bytes::from_static(text)).await?;
        session.receive(Expected::Text(text)).await?;
    }
    Ok(())
}

struct Load {
    payload: Bytes,
    count: usize,
    batch: bool,
    target: Target,
}

impl Load {
    fn warm_up(&self) -> usize {
        (self.count / 10).max(200)
    }

    async fn round_trips<S: Session>(&self) -> Result<String> {
        let mut session = S::connect(&self.target.echo()).await?;
        self.echo_each(&mut session, self.warm_up()).await?;
        let meter = Meter::start()?;
        let mut times = self.echo_each(&mut session, self.count).await?;
        let spent = meter.stop()?;
        Ok(format!(
            r#"{{"p50_us":{:.3},"p99_us":{:.3},"cpu_us_per_msg":{:.4},"msgs_per_s":{:.1}}}"#,
            percentile_us(&mut times, 50),
            percentile_us(&mut times, 99),
            spent.cpu_us_per(self.count),
            spent.per_second(self.count)
        ))
    }

    async fn big<S: Session>(&self) -> Result<String> {
        let mut session = S::connect(&self.target.echo()).await?;
        self.echo_each(&mut session, (self.count / 10).max(3)).await?;
        let meter = Meter::start()?;
        let mut times = self.echo_each(&mut session, self.count).await?;
        let spent = meter.stop()?;
        Ok(format!(
            r#"{{"p50_ms":{:.5},"cpu_ms_per_msg":{:.5}}}"#,
            percentile_us(&mut times, 50) / 1e3,
            spent.cpu_us_per(self.count) / 1e3
        ))
    }

    async fn texts<S: Session>(&self, file: &Path) -> Result<String> {
        let texts = load_texts(file)?;
        let mut session = S::connect(&self.target.echo()).await?;
        echo_texts(&mut session, &texts, 0, self.warm_up()).await?;
        let meter = Meter::start()?;
        echo_texts(&mut session, &texts, self.warm_up(), self.count).await?;
        let spent = meter.stop()?;
        Ok(format!(
            r#"{{"msgs_per_s":{:.1},"cpu_us_per_msg":{:.4},"codec":"{}"}}"#,
            spent.per_second(self.count),
            spent.cpu_us_per(self.count),
            S::codec()
        ))
    }

    async fn echo_each<S: Session>(&self, session: &mut S, count: usize) -> Result<Vec<Duration>> {
        let expected = Expected::echo_of(&self.payload);
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let begin = Instant::now();
            session.send(&self.payload).await?;
            session.receive(expected).await?;
            times.push(begin.elapsed());
        }
        Ok(times)
    }

    async fn bursts<S: Session>(&self) -> Result<String> {
        let mut session = S::connect(&self.target.echo()).await?;
        let rounds = self.count.div_ceil(BURST);
        self.burst_rounds(&mut session, self.warm_up().div_ceil(BURST)).await?;
        let meter = Meter::start()?;
        self.burst_rounds(&mut session, rounds).await?;
        Ok(meter.stop()?.throughput(rounds * BURST))
    }

    async fn burst_rounds<S: Session>(&self, session: &mut S, rounds: usize) -> Result<()> {
        let expected = Expected::echo_of(&self.payload);
        for _ in 0..rounds {
            self.send_many(session, BURST).await?;
            for _ in 0..BURST {
                session.receive(expected).await?;
            }
        }
        Ok(())
    }

    async fn send_many<S: Session>(&self, session: &mut S, count: usize) -> Result<()> {
        if !self.batch {
            for _ in 0..count {
                session.send(&self.payload).await?;
            }
            return Ok(());
        }
        for sent in 1..=count {
            session.feed(&self.payload).await?;
            if sent % BURST == 0 || sent == count {
                session.flush().await?;
            }
        }
        Ok(())
    }

    // The sink counts from a session's first message, so the warm-up has a session of its own.
    async fn stream<S: Session>(&self) -> Result<String> {
        let mut spent = None;
        for count in [self.warm_up(), self.count] {
            let mut session = S::connect(&self.target.sink(count)).await?;
            let meter = Meter::start()?;
            self.send_many(&mut session, count).await?;
            session.receive(Expected::Answer).await?;
            spent = Some(meter.stop()?);
        }
        spent.map(|spent| spent.throughput(self.count)).ok_or_else(|| "nothing measured".into())
    }

    async fn threads<S: Session>(&self) -> Result<String> {
        let mut spent = None;
        for count in [self.warm_up() / 4 * 4, self.count / 4 * 4] {
            let mut session = S::connect(&self.target.sink(count)).await?;
            let meter = Meter::start()?;
            session.send_from_threads(&self.payload, count)?;
            session.receive(Expected::Answer).await?;
            spent = Some(meter.stop()?);
        }
        spent.map(|spent| spent.throughput(self.count / 4 * 4)).ok_or_else(|| "nothing measured".into())
    }

    async fn duplex<S: Session>(&self) -> Result<String> {
        let target = self.target.echo();
        S::connect(&target).await?.duplex(&self.payload, self.warm_up()).await?;
        let session = S::connect(&target).await?;
        let meter = Meter::start()?;
        session.duplex(&self.payload, self.count).await?;
        Ok(meter.stop()?.throughput(self.count))
    }

    async fn connects<S: Session>(&self, hosts: usize) -> Result<String> {
        self.connect_each::<S>((self.count / 10).max(3), hosts, true).await?;
        let meter = Meter::start()?;
        self.connect_each::<S>(self.count, hosts, false).await?;
        let spent = meter.stop()?;
        Ok(format!(
            r#"{{"connects_per_s":{:.1},"cpu_us_per_connect":{:.2}}}"#,
            spent.per_second(self.count),
            spent.cpu_us_per(self.count)
        ))
    }

    async fn connect_each<S: Session>(&self, count: usize, hosts: usize, first: bool) -> Result<()> {
        let target = self.target.echo();
        let resume = target.tls.as_ref().is_some_and(|tls| tls.resume);
        for index in 0..count {
            let session = S::connect(&target.on_host(index, hosts)).await?;
            if session.resumed() != resume && !(first && index == 0) {
                return Err("TLS session resumption was not as the work wants it".into());
            }
            session.close().await?;
        }
        Ok(())
    }

    async fn idle<S: Session>(&self, connections: usize, hosts: usize) -> Result<String> {
        raise_file_limit()?;
        let target = self.target.echo();
        let mut first = S::connect(&target).await?;
        self.echo_each(&mut first, 1).await?;
        let mut sessions = Vec::with_capacity(connections);
        let before = resident_bytes()?;
        let meter = Meter::start()?;
        for index in 0..connections {
            let mut session = S::connect(&target.on_host(index, hosts)).await?;
            self.echo_each(&mut session, 1).await?;
            sessions.push(session);
        }
        let spent = meter.stop()?;
        S::Runtime::rest(QUIET).await;
        let grown = resident_bytes()? - before;
        Ok(format!(
            r#"{{"rss_bytes_per_connection":{:.1},"connects_per_s":{:.1}}}"#,
            grown as f64 / connections as f64,
            spent.per_second(connections)
        ))
    }
}
