//! What the implementations of DEFLATE cost and gain with messages like those of the benchmarks.
//!
//!     python3 benches/messages.py 4096 json-4k.txt
//!     cargo run --release --manifest-path benches/peers/codec/Cargo.toml --target-dir target/bench/codec \
//!         json-4k.txt [NAME...]
//!
//! Each message is deflated with a sync flush, without the four bytes that RFC 7692 leaves out, and
//! inflated again by a stream of the same implementation. Times are medians of passes over all
//! messages, in µs a message; a ratio is the deflated size by the message's.

mod c_zlib;
mod rust;

use std::time::Instant;

/// The end of a sync flush.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
const WINDOW_BITS: i32 = 15;
const PASSES: usize = 15;
const WARM_UP: usize = 2;

/// A stream each way.
trait Codec {
    /// Deflates a message with a sync flush into the empty `output`, whose capacity is enough.
    fn deflate(&mut self, message: &[u8], output: &mut Vec<u8>);

    /// The reverse, of a message without the tail.
    fn inflate(&mut self, message: &[u8], output: &mut Vec<u8>);

    /// Makes both streams new ones: no context takeover.
    fn forget(&mut self);
}

struct Candidate {
    name: &'static str,
    level: i32,
    memory_level: Option<i32>,
    codec: Box<dyn Codec>,
}

fn candidates() -> Vec<Candidate> {
    let mut all = Vec::new();
    let mut add = |name, level, memory_level, codec| all.push(Candidate { name, level, memory_level, codec });
    for level in 1..=9 {
        for memory_level in [8, 9] {
            add("zlib-rs", level, Some(memory_level), Box::new(rust::ZlibRs::new(level, memory_level)));
        }
    }
    let flate2 = if cfg!(feature = "flate2-zlib-ng") { "flate2+zlib-ng" } else { "flate2+zlib-rs" };
    for level in [1, 3, 6] {
        add(flate2, level, None, Box::new(rust::Flate2::new(level as u32)));
    }
    for level in 1..=9 {
        add("zlib-ng", level, Some(8), Box::new(c_zlib::zlib_ng::Streams::new(level, 8)));
    }
    // What peers use by default: libwebsockets 1 and 8, Boost.Beast 8 and 4, websockets 6 and 5, ws 6 and 8.
    for (level, memory_level) in [(1, 8), (3, 8), (6, 5), (6, 8), (8, 4), (9, 8)] {
        add("zlib", level, Some(memory_level), Box::new(c_zlib::zlib::Streams::new(level, memory_level)));
    }
    for level in [1, 3, 6, 9] {
        add("miniz_oxide", level, None, Box::new(rust::Miniz::new(level)));
    }
    all
}

#[derive(Clone, Copy)]
struct Pass {
    deflate_us: f64,
    inflate_us: f64,
    ratio: f64,
}

/// All messages once, back and forth.
fn pass(codec: &mut dyn Codec, messages: &[&[u8]], takeover: bool) -> Pass {
    let longest = messages.iter().map(|message| message.len()).max().unwrap_or(0);
    let mut deflated = Vec::with_capacity(2 * longest + 64);
    let mut inflated = Vec::with_capacity(longest + 64);
    let (mut deflate_us, mut inflate_us) = (0.0, 0.0);
    let (mut before, mut after) = (0, 0);
    for message in messages {
        deflated.clear();
        inflated.clear();
        let start = Instant::now();
        codec.deflate(message, &mut deflated);
        let between = Instant::now();
        let size = deflated.len() - TAIL.len();
        assert_eq!(deflated[size..], TAIL);
        codec.inflate(&deflated[..size], &mut inflated);
        let end = Instant::now();
        assert_eq!(inflated, *message);
        let mut forgetting = 0.0;
        if !takeover {
            codec.forget();
            forgetting = end.elapsed().as_secs_f64() * 1e6;
        }
        deflate_us += (between - start).as_secs_f64() * 1e6 + forgetting;
        inflate_us += (end - between).as_secs_f64() * 1e6;
        before += message.len();
        after += size;
    }
    let count = messages.len() as f64;
    Pass { deflate_us: deflate_us / count, inflate_us: inflate_us / count, ratio: after as f64 / before as f64 }
}

fn median(passes: &[Pass], figure: impl Fn(&Pass) -> f64) -> f64 {
    let mut figures: Vec<f64> = passes.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().expect("the file of messages, one a line");
    let names: Vec<String> = arguments.collect();
    let text = std::fs::read(&file).expect("reading the messages");
    let messages: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let mut candidates = candidates();
    candidates.retain(|candidate| names.is_empty() || names.iter().any(|name| name == candidate.name));

    println!("zlib {}, zlib-ng {}", c_zlib::zlib::version(), c_zlib::zlib_ng::version());
    println!("{} messages of {file}; with no takeover, making both streams new counts as deflating", messages.len());
    println!("                             context takeover                 no takeover");
    println!("implementation  level mem    deflate inflate  both  ratio    deflate inflate  both  ratio");
    for candidate in &mut candidates {
        // Passes in turn: a machine that is slow for a while is slow for both.
        let mut passes = [const { Vec::new() }; 2];
        for number in 0..PASSES + WARM_UP {
            for (kind, takeover) in [true, false].into_iter().enumerate() {
                candidate.codec.forget();
                let figures = pass(candidate.codec.as_mut(), &messages, takeover);
                if number >= WARM_UP {
                    passes[kind].push(figures);
                }
            }
        }
        print!("{:15} {:5} {:>3} ", candidate.name, candidate.level, memory_level(candidate.memory_level));
        for passes in &passes {
            let (deflate, inflate) = (median(passes, |pass| pass.deflate_us), median(passes, |pass| pass.inflate_us));
            let ratio = median(passes, |pass| pass.ratio);
            print!("   {deflate:7.1} {inflate:7.1} {:5.1}  {ratio:.3} ", deflate + inflate);
        }
        println!();
    }
}

fn memory_level(level: Option<i32>) -> String {
    level.map_or("-".to_owned(), |level| level.to_string())
}
