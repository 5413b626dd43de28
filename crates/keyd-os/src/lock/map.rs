//! Pages from the kernel, between two pages that nobody may touch.

use std::alloc::{Layout, handle_alloc_error};
use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

/// How pages are kept out of swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// By `memfd_secret`.
    Secret,
    /// By `mlock`.
    Locked,
    /// They are not: the limit is reached.
    Ordinary,
}

/// Readable and writable pages, zero at first, with an inaccessible page on each side. Unmapped on drop, not wiped.
#[derive(Debug)]
pub(super) struct Mapping {
    whole: NonNull<u8>,
    len: usize,
    lock: Lock,
}

// SAFETY: a mapping belongs to the process, not to a thread, and its owner alone unmaps it.
unsafe impl Send for Mapping {}

impl Mapping {
    /// At least `len` bytes, rounded up to pages. Ends the process when there is no memory at all.
    pub(super) fn new(len: usize) -> Self {
        let Some(len) = len.max(1).checked_next_multiple_of(page()) else {
            no_memory(len)
        };
        if secret_memory()
            && let Ok(mapping) = Self::secret(len)
        {
            return mapping;
        }
        Self::anonymous(len).unwrap_or_else(|_| no_memory(len))
    }

    /// The first byte that may be used.
    pub(super) fn start(&self) -> NonNull<u8> {
        // SAFETY: `whole` maps `len` and two pages.
        unsafe { self.whole.add(page()) }
    }

    /// Bytes that may be used.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn lock(&self) -> Lock {
        self.lock
    }

    /// The whole mapping counts against `RLIMIT_MEMLOCK`, its two borders too.
    fn secret(len: usize) -> io::Result<Self> {
        let file = memfd_secret()?;
        let whole_len = whole_len(len)?;
        let size = libc::off_t::try_from(whole_len).map_err(io::Error::other)?;
        // SAFETY: a call on a descriptor that is ours.
        check(unsafe { libc::ftruncate(file.as_raw_fd(), size) })?;
        let mapping = Self::map(len, Lock::Secret, libc::MAP_SHARED, file.as_raw_fd())?;
        mapping.open()?;
        mapping.advise(libc::MADV_DONTFORK)?;
        Ok(mapping)
    }

    /// Pages of the process's own. `len` is a multiple of [`page`].
    pub(super) fn anonymous(len: usize) -> io::Result<Self> {
        let mut mapping = Self::map(len, Lock::Ordinary, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)?;
        mapping.open()?;
        mapping.advise(libc::MADV_DONTDUMP)?;
        mapping.advise(libc::MADV_WIPEONFORK)?;
        // SAFETY: the range is inside our mapping; locking changes no byte.
        if check(unsafe { libc::mlock(mapping.start().as_ptr().cast(), len) }).is_ok() {
            mapping.lock = Lock::Locked;
        }
        Ok(mapping)
    }

    /// All of it inaccessible.
    fn map(len: usize, lock: Lock, flags: c_int, file: c_int) -> io::Result<Self> {
        // SAFETY: the kernel chooses a free range, so nothing that exists is replaced.
        let at = unsafe { libc::mmap(ptr::null_mut(), whole_len(len)?, libc::PROT_NONE, flags, file, 0) };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let whole = NonNull::new(at.cast()).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok(Self { whole, len, lock })
    }

    /// Everything but the borders becomes readable and writable.
    fn open(&self) -> io::Result<()> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the range is inside our mapping, to which nobody has a reference yet.
        check(unsafe { libc::mprotect(self.start().as_ptr().cast(), self.len, access) })
    }

    fn advise(&self, advice: c_int) -> io::Result<()> {
        // SAFETY: the range is inside our mapping; none of the advices used here changes a byte in this process.
        check(unsafe { libc::madvise(self.start().as_ptr().cast(), self.len, advice) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly the range that `map` got, and the slab that lent out its slots is gone. It cannot fail for a
        // whole mapping, and if it did the range would stay mapped and unused.
        unsafe { libc::munmap(self.whole.as_ptr().cast(), self.len + 2 * page()) };
    }
}

/// Whether the kernel has `memfd_secret` and lets this process call it.
pub(super) fn secret_memory() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| memfd_secret().is_ok())
}

/// Bytes of a page.
pub(super) fn page() -> usize {
    static PAGE: OnceLock<usize> = OnceLock::new();
    *PAGE.get_or_init(|| {
        // SAFETY: a call without pointers.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(size).unwrap_or(64 * 1024)
    })
}

fn memfd_secret() -> io::Result<OwnedFd> {
    // SAFETY: a call without pointers; libc has no function for it.
    let file = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
    let file = c_int::try_from(file).map_err(io::Error::other)?;
    check(file)?;
    // SAFETY: a new descriptor that nobody else knows.
    Ok(unsafe { OwnedFd::from_raw_fd(file) })
}

fn whole_len(len: usize) -> io::Result<usize> {
    len.checked_add(2 * page())
        .ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

fn check(returned: c_int) -> io::Result<()> {
    if returned < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// As an allocator does when the system has no memory.
fn no_memory(len: usize) -> ! {
    handle_alloc_error(Layout::array::<u8>(len).unwrap_or(Layout::new::<u8>()))
}
