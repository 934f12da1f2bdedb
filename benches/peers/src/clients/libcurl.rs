//! libcurl: CURLOPT_CONNECT_ONLY 2, curl_ws_send, curl_ws_recv, and poll on its socket.

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_uint, c_void};
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Mutex, Once};
use std::{mem, ptr};

use bytes::Bytes;
use curl_sys as curl;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::session::{Blocking, Expected, Result, Session};
use crate::target::{Purpose, Target, Tls};

/// `struct curl_ws_frame`
#[repr(C)]
struct FrameInfo {
    age: c_int,
    flags: c_int,
    offset: curl::curl_off_t,
    bytes_left: curl::curl_off_t,
    length: usize,
}

const BINARY: c_uint = 1 << 1;
const CONTINUED: c_uint = 1 << 2;
const CLOSE: c_uint = 1 << 3;
const WEBSOCKET_ONLY: c_long = 2;
const OPENSSL: c_int = 1;
const INFO_ACTIVE_SOCKET: curl::CURLINFO = 0x50_0000 + 44;
const INFO_TLS_SSL: curl::CURLINFO = 0x40_0000 + 45;
const CONNECT_TO: curl::CURLoption = curl::CURLOPTTYPE_OBJECTPOINT + 243;
const BEFORE_REQUEST: curl::CURLoption = curl::CURLOPTTYPE_FUNCTIONPOINT + 312;
const BEFORE_REQUEST_DATA: curl::CURLoption = curl::CURLOPTTYPE_OBJECTPOINT + 313;

#[repr(C)]
struct TlsSession {
    backend: c_int,
    internals: *mut openssl_sys::SSL,
}

unsafe extern "C" {
    fn curl_ws_recv(
        handle: *mut curl::CURL,
        buffer: *mut c_void,
        size: usize,
        received: *mut usize,
        info: *mut *const FrameInfo,
    ) -> curl::CURLcode;
    fn curl_ws_send(
        handle: *mut curl::CURL,
        buffer: *const c_void,
        size: usize,
        sent: *mut usize,
        fragment_size: curl::curl_off_t,
        flags: c_uint,
    ) -> curl::CURLcode;
}

pub fn settings() -> String {
    // SAFETY: gives a string that lives as long as the program.
    let version = unsafe { CStr::from_ptr(curl::curl_version()) }.to_string_lossy();
    format!(
        "{version}: CONNECT_ONLY 2, NOSIGNAL, nodelay (the default), curl_ws_send and curl_ws_recv, poll when they \
         say CURLE_AGAIN; received into a buffer of the message's size; threads: a mutex; connecting and idle sessions: one multi handle; resumed TLS: a share"
    )
}

fn check(code: curl::CURLcode) -> Result<()> {
    if code == curl::CURLE_OK {
        return Ok(());
    }
    // SAFETY: gives a string that lives as long as the program.
    Err(unsafe { CStr::from_ptr(curl::curl_easy_strerror(code)) }.to_string_lossy().into())
}

/// An easy handle, freed with what it was given.
struct Handle {
    easy: *mut curl::CURL,
    connect_to: *mut curl::curl_slist,
    resumed: bool,
}

// SAFETY: an easy handle may be used by any thread, by one at a time.
unsafe impl Send for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: both were made by connect() and are used nowhere else.
        unsafe {
            curl::curl_easy_cleanup(self.easy);
            curl::curl_slist_free_all(self.connect_to);
        }
    }
}

impl Handle {
    fn new() -> Result<Self> {
        static INITIALISED: Once = Once::new();
        // SAFETY: once, before any other call.
        INITIALISED.call_once(|| _ = unsafe { curl::curl_global_init(curl::CURL_GLOBAL_ALL) });
        // SAFETY: has no preconditions.
        let easy = unsafe { curl::curl_easy_init() };
        if easy.is_null() {
            Err("curl_easy_init failed".into())
        } else {
            Ok(Self { easy, connect_to: ptr::null_mut(), resumed: false })
        }
    }

    fn set_number(&self, option: curl::CURLoption, value: c_long) -> Result<()> {
        // SAFETY: the option takes a long.
        check(unsafe { curl::curl_easy_setopt(self.easy, option, value) })
    }

    fn set_string(&self, option: curl::CURLoption, value: &[u8]) -> Result<()> {
        let value = CString::new(value)?;
        // SAFETY: the option takes a string, which libcurl copies.
        check(unsafe { curl::curl_easy_setopt(self.easy, option, value.as_ptr()) })
    }

    fn set_address(&mut self, address: &str) -> Result<()> {
        let address = CString::new(address)?;
        // SAFETY: the string is copied; the list lives as long as the handle.
        unsafe {
            self.connect_to = curl::curl_slist_append(ptr::null_mut(), address.as_ptr().cast::<c_char>());
            check(curl::curl_easy_setopt(self.easy, CONNECT_TO, self.connect_to))
        }
    }

    fn set_tls(&self, tls: &Tls) -> Result<()> {
        self.set_string(curl::CURLOPT_CAINFO, tls.ca.as_os_str().as_bytes())?;
        self.set_number(curl::CURLOPT_SSLVERSION, curl::CURL_SSLVERSION_TLSv1_3 as c_long)?;
        self.set_number(curl::CURLOPT_SSL_SESSIONID_CACHE, c_long::from(tls.resume))?;
        if tls.resume {
            // SAFETY: the option takes a share, which is never freed.
            check(unsafe { curl::curl_easy_setopt(self.easy, curl::CURLOPT_SHARE, shared_sessions()) })?;
        }
        Ok(())
    }

    fn socket(&self) -> Result<RawFd> {
        let mut socket: RawFd = -1;
        // SAFETY: the information is a socket.
        check(unsafe { curl::curl_easy_getinfo(self.easy, INFO_ACTIVE_SOCKET, &raw mut socket) })?;
        Ok(socket)
    }

    fn connect(&mut self, purpose: Purpose) -> Result<()> {
        // SAFETY: the options take a curl_prereq_callback and its data. `self` does not move until the transfer, in
        // which it is called, is done; the handle is set up and used by this thread alone.
        unsafe {
            check(curl::curl_easy_setopt(self.easy, BEFORE_REQUEST, before_request as BeforeRequest))?;
            check(curl::curl_easy_setopt(self.easy, BEFORE_REQUEST_DATA, ptr::from_mut(self)))?;
            if purpose == Purpose::ManySessions {
                connect_in_multi(self.easy)
            } else {
                check(curl::curl_easy_perform(self.easy))
            }
        }
    }
}

type BeforeRequest = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char, c_int, c_int) -> c_int;

/// Only here does libcurl give its TLS session: when connected, it hides that of a CONNECT_ONLY handle.
unsafe extern "C" fn before_request(
    data: *mut c_void,
    _: *const c_char,
    _: *const c_char,
    _: c_int,
    _: c_int,
) -> c_int {
    let mut session: *const TlsSession = ptr::null();
    // SAFETY: `data` is the handle that connect() gave. The information is a pointer to that structure, which lives as
    // long as the connection; with OpenSSL, `internals` is the SSL, or null without TLS.
    unsafe {
        let handle = data.cast::<Handle>();
        let code = curl::curl_easy_getinfo((*handle).easy, INFO_TLS_SSL, &raw mut session);
        if code == curl::CURLE_OK && (*session).backend == OPENSSL && !(*session).internals.is_null() {
            (*handle).resumed = openssl_sys::SSL_session_reused((*session).internals) == 1;
        }
    }
    0
}

/// The handle stays in the multi handle of this thread until it is freed: that closes a CONNECT_ONLY connection.
fn connect_in_multi(easy: *mut curl::CURL) -> Result<()> {
    thread_local! {
        // SAFETY: has no preconditions.
        static MULTI: *mut curl::CURLM = unsafe { curl::curl_multi_init() };
    }
    let multi = MULTI.with(|multi| *multi);
    // SAFETY: both handles are used by this thread alone; the message is valid until the next call.
    unsafe {
        check_multi(curl::curl_multi_add_handle(multi, easy))?;
        let mut running = 0;
        loop {
            check_multi(curl::curl_multi_perform(multi, &raw mut running))?;
            let mut left = 0;
            let message = curl::curl_multi_info_read(multi, &raw mut left);
            if !message.is_null() {
                // `data` is a union of a pointer and a CURLcode.
                return check((&raw const (*message).data).cast::<curl::CURLcode>().read());
            }
            check_multi(curl::curl_multi_wait(multi, ptr::null_mut(), 0, 1000, ptr::null_mut()))?;
        }
    }
}

fn check_multi(code: curl::CURLMcode) -> Result<()> {
    if code == curl::CURLM_OK { Ok(()) } else { Err(format!("curl_multi: error {code}").into()) }
}

/// TLS sessions, for the handles of one thread: no locks are needed.
fn shared_sessions() -> *mut curl::CURLSH {
    thread_local! {
        static SHARE: *mut curl::CURLSH = {
            // SAFETY: the option takes a curl_lock_data.
            unsafe {
                let share = curl::curl_share_init();
                curl::curl_share_setopt(share, curl::CURLSHOPT_SHARE, curl::CURL_LOCK_DATA_SSL_SESSION);
                share
            }
        };
    }
    SHARE.with(|share| *share)
}

pub struct LibCurl {
    handle: Handle,
    socket: RawFd,
    incoming: Vec<u8>,
}

impl LibCurl {
    fn wait(&self, events: PollFlags) -> Result<()> {
        // SAFETY: libcurl's socket stays open while its handle does.
        let socket = unsafe { BorrowedFd::borrow_raw(self.socket) };
        poll(&mut [PollFd::new(socket, events)], PollTimeout::NONE)?;
        Ok(())
    }

    fn send_frame(&mut self, payload: &[u8], flags: c_uint) -> Result<()> {
        let mut rest = payload;
        loop {
            let mut sent = 0;
            // SAFETY: `rest` is valid for its length.
            let code =
                unsafe { curl_ws_send(self.handle.easy, rest.as_ptr().cast(), rest.len(), &raw mut sent, 0, flags) };
            if code != curl::CURLE_AGAIN {
                check(code)?;
                rest = &rest[sent..];
                if rest.is_empty() {
                    return Ok(());
                }
            }
            self.wait(PollFlags::POLLOUT)?;
        }
    }
}

impl Session for LibCurl {
    type Runtime = Blocking;

    async fn connect(target: &Target) -> Result<Self> {
        let mut handle = Handle::new()?;
        handle.set_string(curl::CURLOPT_URL, target.url().as_bytes())?;
        handle.set_string(curl::CURLOPT_PROXY, b"")?;
        handle.set_number(curl::CURLOPT_NOSIGNAL, 1)?;
        handle.set_number(curl::CURLOPT_CONNECT_ONLY, WEBSOCKET_ONLY)?;
        handle.set_address(&format!("::{}", target.address))?;
        if let Some(tls) = &target.tls {
            handle.set_tls(tls)?;
        }
        handle.connect(target.purpose)?;
        let socket = handle.socket()?;
        Ok(Self { handle, socket, incoming: vec![0; target.message_size] })
    }

    fn resumed(&self) -> bool {
        self.handle.resumed
    }

    async fn send(&mut self, payload: &Bytes) -> Result<()> {
        self.send_frame(payload, BINARY)
    }

    async fn receive(&mut self, expected: Expected) -> Result<()> {
        let mut length = 0;
        loop {
            let (mut received, mut info) = (0, ptr::null());
            let free = &mut self.incoming[length..];
            // SAFETY: `free` is valid for its length, the others are where results go.
            let code = unsafe {
                curl_ws_recv(self.handle.easy, free.as_mut_ptr().cast(), free.len(), &raw mut received, &raw mut info)
            };
            if code == curl::CURLE_AGAIN {
                self.wait(PollFlags::POLLIN)?;
                continue;
            }
            check(code)?;
            length += received;
            // SAFETY: valid until the next call on this handle.
            let info = unsafe { info.as_ref() }.ok_or("no frame information")?;
            let flags = info.flags as c_uint;
            if info.bytes_left == 0 && flags & CONTINUED == 0 {
                return expected.check(flags & BINARY != 0, &self.incoming[..length]);
            }
            if length == self.incoming.len() {
                return Err("a longer message than was expected came".into());
            }
        }
    }

    fn send_from_threads(&mut self, payload: &Bytes, count: usize) -> Result<()> {
        let session = Mutex::new(self);
        std::thread::scope(|scope| {
            let send = || -> Result<()> {
                for _ in 0..count / 4 {
                    session.lock().map_err(|_| "another thread failed")?.send_frame(payload, BINARY)?;
                }
                Ok(())
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
        })
    }

    async fn close(mut self) -> Result<()> {
        self.send_frame(&1000u16.to_be_bytes(), CLOSE)?;
        mem::drop(self);
        Ok(())
    }
}
