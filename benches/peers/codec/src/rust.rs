//! The implementations with an API in Rust.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use miniz_oxide::deflate::core::{CompressorOxide, create_comp_flags_from_zip_params};
use miniz_oxide::inflate::stream::InflateState;
use miniz_oxide::{DataFormat, MZFlush};
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Inflate, InflateFlush};

use crate::{Codec, TAIL, WINDOW_BITS};

pub struct ZlibRs {
    deflate: Deflate,
    inflate: Inflate,
}

impl ZlibRs {
    pub fn new(level: i32, memory_level: i32) -> Self {
        let config =
            DeflateConfig { level, mem_level: memory_level, window_bits: -WINDOW_BITS, ..DeflateConfig::default() };
        Self { deflate: Deflate::new_with_config(config), inflate: Inflate::new(false, WINDOW_BITS as u8) }
    }
}

impl Codec for ZlibRs {
    fn deflate(&mut self, message: &[u8], output: &mut Vec<u8>) {
        let (consumed, produced) = (self.deflate.total_in(), self.deflate.total_out());
        self.deflate.compress_uninit(message, output.spare_capacity_mut(), DeflateFlush::SyncFlush).expect("deflate");
        assert_eq!(self.deflate.total_in() - consumed, message.len() as u64);
        // SAFETY: as many bytes were written.
        unsafe { output.set_len((self.deflate.total_out() - produced) as usize) };
    }

    fn inflate(&mut self, message: &[u8], output: &mut Vec<u8>) {
        for part in [message, &TAIL] {
            let (consumed, produced) = (self.inflate.total_in(), self.inflate.total_out());
            let space = output.spare_capacity_mut();
            self.inflate.decompress_uninit(part, space, InflateFlush::SyncFlush).expect("inflate");
            assert_eq!(self.inflate.total_in() - consumed, part.len() as u64);
            let size = output.len() + (self.inflate.total_out() - produced) as usize;
            // SAFETY: as many bytes were written.
            unsafe { output.set_len(size) };
        }
    }

    fn forget(&mut self) {
        self.deflate.reset();
        self.inflate.reset(false);
    }
}

/// Its memory level cannot be set.
pub struct Flate2 {
    deflate: Compress,
    inflate: Decompress,
}

impl Flate2 {
    pub fn new(level: u32) -> Self {
        Self { deflate: Compress::new(Compression::new(level), false), inflate: Decompress::new(false) }
    }
}

impl Codec for Flate2 {
    fn deflate(&mut self, message: &[u8], output: &mut Vec<u8>) {
        let consumed = self.deflate.total_in();
        self.deflate.compress_vec(message, output, FlushCompress::Sync).expect("deflate");
        assert_eq!(self.deflate.total_in() - consumed, message.len() as u64);
    }

    fn inflate(&mut self, message: &[u8], output: &mut Vec<u8>) {
        for part in [message, &TAIL] {
            let consumed = self.inflate.total_in();
            self.inflate.decompress_vec(part, output, FlushDecompress::Sync).expect("inflate");
            assert_eq!(self.inflate.total_in() - consumed, part.len() as u64);
        }
    }

    fn forget(&mut self) {
        self.deflate.reset();
        self.inflate.reset(false);
    }
}

/// It has no memory level.
pub struct Miniz {
    deflate: Box<CompressorOxide>,
    inflate: Box<InflateState>,
}

impl Miniz {
    pub fn new(level: i32) -> Self {
        let flags = create_comp_flags_from_zip_params(level, -WINDOW_BITS, 0);
        Self { deflate: Box::new(CompressorOxide::new(flags)), inflate: InflateState::new_boxed(DataFormat::Raw) }
    }
}

impl Codec for Miniz {
    fn deflate(&mut self, message: &[u8], output: &mut Vec<u8>) {
        output.resize(output.capacity(), 0);
        let done = miniz_oxide::deflate::stream::deflate(&mut self.deflate, message, output, MZFlush::Sync);
        assert_eq!(done.bytes_consumed, message.len());
        output.truncate(done.bytes_written);
    }

    fn inflate(&mut self, message: &[u8], output: &mut Vec<u8>) {
        output.resize(output.capacity(), 0);
        let mut size = 0;
        for part in [message, &TAIL] {
            let space = &mut output[size..];
            let done = miniz_oxide::inflate::stream::inflate(&mut self.inflate, part, space, MZFlush::Sync);
            assert_eq!(done.bytes_consumed, part.len());
            size += done.bytes_written;
        }
        output.truncate(size);
    }

    fn forget(&mut self) {
        self.deflate.reset();
        self.inflate.reset(DataFormat::Raw);
    }
}
