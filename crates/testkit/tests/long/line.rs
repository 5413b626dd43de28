//! The line between devices and server, which can be cut.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Carries connections to a server, until they are cut.
#[derive(Debug)]
pub(crate) struct Line {
    /// Where devices find it.
    pub(crate) address: String,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Line {
    /// To a server that listens at `target`, also after it was started again.
    pub(crate) fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let open = Arc::new(Mutex::new(Vec::new()));
        let known = Arc::clone(&open);
        // It ends with the process.
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let Ok(near) = near else { return };
                // While the server is gone its devices are refused here as they would be there.
                if let Ok(far) = TcpStream::connect(&target) {
                    carry(&near, &far, &known);
                }
            }
        });
        Self { address, open }
    }

    /// Ends every connection, in the middle of whatever it carries.
    pub(crate) fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn carry(near: &TcpStream, far: &TcpStream, known: &Mutex<Vec<TcpStream>>) {
    let copies = [(near, far), (far, near)];
    for (from, to) in copies {
        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        std::thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    let mut known = known.lock().unwrap();
    known.retain(|stream| stream.take_error().is_ok() && stream.peer_addr().is_ok());
    known.push(near.try_clone().unwrap());
    known.push(far.try_clone().unwrap());
}
