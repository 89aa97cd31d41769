//! Writes log lines to standard error. Its reader may exit, stop reading or run out of disk, and no task of the server
//! may fail or wait because of that: a thread of its own writes the lines, from a bounded queue that drops lines when
//! it is full. Lost lines are counted, and reported as soon as writing works again.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};
use tracing_subscriber::fmt::MakeWriter;

/// Greatest number of lines in the queue.
const QUEUE_MAX: usize = 8192;
/// Pause before writing again to a reader that has no room.
const FULL_PAUSE: Duration = Duration::from_millis(5);

/// The queue of lines.
#[derive(Clone)]
pub(super) struct Lines {
    queue: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

enum Message {
    Line(Vec<u8>),
    /// Everything before it has been written once this is dropped.
    Flush(SyncSender<()>),
}

impl Lines {
    /// Starts writing to `out`; `tell` gets the number of lost lines once writing works again.
    pub(super) fn to(out: impl Write + Send + 'static, tell: fn(u64)) -> Lines {
        let (queue, waiting) = sync_channel(QUEUE_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer { out, torn: false, told: 0, lost: lost.clone(), tell };
        // Without the thread every line is lost and counted; a system without a free thread cannot do better.
        let _ = std::thread::Builder::new().name("inboxops-log".to_owned()).spawn(move || writer.run(&waiting));
        Lines { queue, lost }
    }

    /// Number of lines that were lost since the start.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until all lines so far are written, at most for `most`.
    pub(super) fn flush(&self, most: Duration) {
        let (flushed, all) = sync_channel(0);
        if self.queue.try_send(Message::Flush(flushed)).is_ok() {
            // It ends with a dropped sender or after the time.
            let _ = all.recv_timeout(most);
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Lines;

    fn make_writer(&'a self) -> &'a Lines {
        self
    }
}

impl Write for &Lines {
    /// Takes one line. It never fails: the logging code could not handle that.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Message::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Writer<W> {
    out: W,
    /// Whether the last line was written only in part.
    torn: bool,
    /// Lost lines that were reported.
    told: u64,
    lost: Arc<AtomicU64>,
    tell: fn(u64),
}

impl<W: Write> Writer<W> {
    fn run(mut self, waiting: &Receiver<Message>) {
        for message in waiting {
            match message {
                Message::Line(line) => self.line(&line),
                Message::Flush(flushed) => drop(flushed),
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        if self.torn && self.all(b"\n").is_err() || self.all(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.torn = false;
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > self.told {
            (self.tell)(lost - self.told);
            self.told = lost;
        }
    }

    fn all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.out.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    self.torn = !bytes.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A non-blocking pipe whose reader is slow.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(FULL_PAUSE),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, mpsc::channel};

    /// The results of the next writes; after those it accepts everything.
    struct Out {
        next: std::sync::mpsc::Receiver<io::Result<usize>>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Out {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = self.next.try_recv().unwrap_or(Ok(bytes.len()))?.min(bytes.len());
            self.written.lock().unwrap().extend(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    static TOLD: Mutex<Vec<u64>> = Mutex::new(Vec::new());

    fn lines(next: impl IntoIterator<Item = io::Result<usize>>) -> (Lines, Arc<Mutex<Vec<u8>>>) {
        let (say, next_out) = channel();
        next.into_iter().for_each(|one| say.send(one).unwrap());
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let out = Out { next: next_out, written: written.clone() };
        (Lines::to(out, |lost| TOLD.lock().unwrap().push(lost)), written)
    }

    fn log(lines: &Lines, line: &str) {
        (&mut &*lines).write_all(line.as_bytes()).expect("whoever logs hears of no failure");
    }

    const ENOUGH: Duration = Duration::from_secs(30);

    #[test]
    fn what_cannot_be_written_is_lost_and_counted_and_told_of_once() {
        let full = || Err(io::ErrorKind::StorageFull.into());
        // Two lines lost, one more after its first three bytes, then room again.
        let (lines, written) = lines([full(), full(), Ok(3), full(), Ok(1)]);
        for line in ["a\n", "b\n", "cdef\n", "g\n", "h\n"] {
            log(&lines, line);
        }
        lines.flush(ENOUGH);
        assert_eq!(String::from_utf8_lossy(&written.lock().unwrap()), "cde\ng\nh\n");
        assert_eq!(lines.lost(), 3);
        assert_eq!(*TOLD.lock().unwrap(), [3]);
    }

    #[test]
    fn a_reader_that_is_slow_or_takes_little_loses_nothing() {
        let busy = || Err(io::ErrorKind::WouldBlock.into());
        let (lines, written) = lines([busy(), Ok(1), busy(), Err(io::ErrorKind::Interrupted.into()), Ok(1)]);
        log(&lines, "abc\n");
        lines.flush(ENOUGH);
        assert_eq!((String::from_utf8_lossy(&written.lock().unwrap()).as_ref(), lines.lost()), ("abc\n", 0));
    }

    #[test]
    fn nobody_waits_for_a_reader_that_takes_nothing() {
        /// Blocks until its channel closes.
        struct Stuck(Mutex<std::sync::mpsc::Receiver<()>>);
        impl Write for Stuck {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let _ = self.0.lock().unwrap().recv();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (release, stuck) = channel();
        let lines = Lines::to(Stuck(Mutex::new(stuck)), |_| {});
        // The queue, one in the writer's hand, and ten too many.
        for _ in 0..QUEUE_MAX + 11 {
            log(&lines, "x\n");
        }
        assert!((10..=11).contains(&lines.lost()), "{}", lines.lost());
        lines.flush(Duration::from_millis(1));
        drop(release);
    }
}
