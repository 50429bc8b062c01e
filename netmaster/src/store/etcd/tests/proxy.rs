//! A cable to etcd that can be cut, in both directions or only on the way back.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

const WHOLE: u8 = 0;
const DEAF: u8 = 1;
const CUT: u8 = 2;

/// Forwards connections, for as long as the test runs.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    mode: AtomicU8,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub(super) fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let shared = state.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if shared.mode.load(Ordering::SeqCst) == CUT {
                    continue;
                }
                let Ok(far) = TcpStream::connect(target) else {
                    continue;
                };
                shared.join(&near, &far);
            }
        });
        Self { address, state }
    }

    /// Ends all connections, and new ones at once.
    pub(super) fn cut(&self) {
        self.state.mode.store(CUT, Ordering::SeqCst);
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets requests through, and loses the replies.
    pub(super) fn lose_replies(&self) {
        self.state.mode.store(DEAF, Ordering::SeqCst);
    }

    pub(super) fn restore(&self) {
        self.state.mode.store(WHOLE, Ordering::SeqCst);
    }
}

impl State {
    fn join(self: &Arc<Self>, near: &TcpStream, far: &TcpStream) {
        let copies = [near, far].map(|stream| stream.try_clone().unwrap());
        self.open.lock().unwrap().extend(copies);
        for (from, to, is_reply) in [(near, far, false), (far, near, true)] {
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            let state = self.clone();
            std::thread::spawn(move || state.forward(from, to, is_reply));
        }
    }

    fn forward(&self, mut from: TcpStream, mut to: TcpStream, is_reply: bool) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count) = from.read(&mut buffer) {
            let lost = is_reply && self.mode.load(Ordering::SeqCst) == DEAF;
            if count == 0 || (!lost && to.write_all(&buffer[..count]).is_err()) {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }
}
