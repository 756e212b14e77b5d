//! Frames onto a wire and off it, inside a namespace.

use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use flows_lab::netns;
use flows_lab::process::Deadline;
use smoltcp::phy::{Device, Medium, RawSocket, RxToken, TxToken, wait};
use smoltcp::time::{Duration, Instant};

use crate::world::Host;

const DEVICE: &str = "eth0";

/// Puts frames onto a host's wire, as they are.
pub(crate) fn send(host: &Host, frames: impl IntoIterator<Item = Vec<u8>> + Send) {
    host.inside(|| {
        let mut wire = RawSocket::new(DEVICE, Medium::Ethernet).unwrap();
        for frame in frames {
            put(&mut wire, &frame);
        }
    });
}

fn put(wire: &mut RawSocket, frame: &[u8]) {
    let token = wire.transmit(Instant::now()).unwrap();
    token.consume(frame.len(), |buffer| buffer.copy_from_slice(frame));
}

/// Takes down what comes off a host's wire until it is asked.
pub(crate) struct Tap {
    frames: Arc<Mutex<Vec<Vec<u8>>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tap {
    /// Taps the wire; only frames that contain `mark` are kept, and none that the host itself sends.
    pub(crate) fn on(host: &Host, mark: &'static [u8]) -> Self {
        let frames = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        let namespace = host.netns.clone();
        let (kept, asked) = (Arc::clone(&frames), Arc::clone(&stop));
        let own = host.macs[0];
        let thread = std::thread::spawn(move || {
            netns::enter(&namespace).unwrap();
            let mut wire = RawSocket::new(DEVICE, Medium::Ethernet).unwrap();
            ready.send(()).unwrap();
            // What was sent before it was asked to stop is still read.
            loop {
                let last = asked.load(Ordering::Acquire);
                wait(wire.as_raw_fd(), Some(Duration::from_millis(20))).unwrap();
                while let Some((token, _)) = wire.receive(Instant::now()) {
                    token.consume(|frame| {
                        let is_own = frame.get(6..12) == Some(&own[..]);
                        if !is_own && frame.windows(mark.len()).any(|part| part == mark) {
                            kept.lock().unwrap().push(frame.to_vec());
                        }
                    });
                }
                if last {
                    break;
                }
            }
        });
        is_ready.recv().unwrap();
        Self {
            frames,
            stop,
            thread: Some(thread),
        }
    }

    /// Stops, and says how many marked frames came. A frame takes microseconds from one namespace to
    /// another; it is looked for for another 20 ms.
    pub(crate) fn count(mut self) -> usize {
        self.stop();
        self.frames.lock().unwrap().len()
    }

    /// Waits until a marked frame has come, stops, and says how many there are: a busy machine may take
    /// its time.
    pub(crate) fn arrived(self) -> usize {
        let deadline = Deadline::after(std::time::Duration::from_secs(30));
        while self.frames.lock().unwrap().is_empty() && deadline.pause() {}
        self.count()
    }

    fn stop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.stop();
    }
}
