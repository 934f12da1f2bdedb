//! zlib and zlib-ng, which have the same functions.

macro_rules! c_zlib {
    ($name:ident, $sys:ident) => {
        pub mod $name {
            use std::ffi::c_int;
            use std::mem::MaybeUninit;

            use $sys::{Z_BUF_ERROR, Z_DEFAULT_STRATEGY, Z_DEFLATED, Z_OK, Z_SYNC_FLUSH, z_stream};

            use crate::{Codec, TAIL, WINDOW_BITS};

            /// Boxed: the library keeps a pointer to it.
            pub struct Streams {
                deflate: Box<z_stream>,
                inflate: Box<z_stream>,
            }

            pub fn version() -> String {
                // SAFETY: a string constant of the library.
                let text = unsafe { std::ffi::CStr::from_ptr($sys::zlibVersion()) };
                text.to_string_lossy().into_owned()
            }

            /// The allocator of the library's choice, no input, no output.
            fn empty() -> Box<z_stream> {
                // SAFETY: as zlib's manual asks: zeros are null pointers, and no function for the allocator.
                #[allow(invalid_value, reason = "declared as function pointers, which zlib takes null for")]
                Box::new(unsafe { MaybeUninit::zeroed().assume_init() })
            }

            impl Streams {
                pub fn new(level: i32, memory_level: i32) -> Self {
                    let (mut deflate, mut inflate) = (empty(), empty());
                    let size = c_int::try_from(size_of::<z_stream>()).unwrap_or(0);
                    // SAFETY: the streams are as the manual asks, and stay where they are.
                    let (deflating, inflating) = unsafe {
                        let version = $sys::zlibVersion();
                        (
                            $sys::deflateInit2_(
                                &mut *deflate,
                                level,
                                Z_DEFLATED,
                                -WINDOW_BITS,
                                memory_level,
                                Z_DEFAULT_STRATEGY,
                                version,
                                size,
                            ),
                            $sys::inflateInit2_(&mut *inflate, -WINDOW_BITS, version, size),
                        )
                    };
                    assert_eq!((deflating, inflating), (Z_OK, Z_OK));
                    Self { deflate, inflate }
                }
            }

            impl Codec for Streams {
                fn deflate(&mut self, message: &[u8], output: &mut Vec<u8>) {
                    let stream = &mut *self.deflate;
                    stream.next_in = message.as_ptr().cast_mut();
                    stream.avail_in = message.len() as u32;
                    stream.next_out = output.as_mut_ptr();
                    stream.avail_out = output.capacity() as u32;
                    // SAFETY: the pointers and sizes are those of live buffers; what is written is counted.
                    unsafe {
                        assert_eq!($sys::deflate(stream, Z_SYNC_FLUSH), Z_OK);
                        output.set_len(output.capacity() - stream.avail_out as usize);
                    }
                    assert_eq!(stream.avail_in, 0);
                }

                fn inflate(&mut self, message: &[u8], output: &mut Vec<u8>) {
                    let stream = &mut *self.inflate;
                    stream.next_out = output.as_mut_ptr();
                    stream.avail_out = output.capacity() as u32;
                    for part in [message, &TAIL] {
                        stream.next_in = part.as_ptr().cast_mut();
                        stream.avail_in = part.len() as u32;
                        // SAFETY: as in deflate.
                        let status = unsafe { $sys::inflate(stream, Z_SYNC_FLUSH) };
                        assert!(status == Z_OK || status == Z_BUF_ERROR);
                        assert_eq!(stream.avail_in, 0);
                    }
                    // SAFETY: as many bytes were written.
                    unsafe { output.set_len(output.capacity() - stream.avail_out as usize) };
                }

                fn forget(&mut self) {
                    // SAFETY: the streams are initialised.
                    unsafe {
                        assert_eq!($sys::deflateReset(&mut *self.deflate), Z_OK);
                        assert_eq!($sys::inflateReset(&mut *self.inflate), Z_OK);
                    }
                }
            }

            impl Drop for Streams {
                fn drop(&mut self) {
                    // SAFETY: the streams are initialised, and not used again.
                    unsafe {
                        $sys::deflateEnd(&mut *self.deflate);
                        $sys::inflateEnd(&mut *self.inflate);
                    }
                }
            }
        }
    };
}

c_zlib!(zlib, libz_sys);
c_zlib!(zlib_ng, libz_ng_sys);
