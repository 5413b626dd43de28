//! The TLS process as `serve-tls` runs it: shut in, then serving until SIGTERM; SIGHUP reads the certificate again. Says the
//! measures and its address, and `reloaded` or why not.

use std::error::Error;
use std::io::{Write, stdout};
use std::sync::Arc;

use crannog_keyd_os::Linux;
use crannog_keyd_tls::{Options, ServerCertificate, TlsProcess};
use tokio::signal::unix::{Signal, SignalKind, signal};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cert, key, proxy_socket] = arguments.as_slice() else {
        return Err("CERT KEY PROXY_SOCKET".into());
    };
    let options = Options::new("127.0.0.1:0".parse()?, cert, key, proxy_socket);
    let (process, measures) = TlsProcess::open_confined(&Linux::new(), options)?;
    writeln!(stdout(), "{:?} missing {:?}", measures.in_force, measures.missing)?;
    tokio::runtime::Runtime::new()?.block_on(serve(process))
}

async fn serve(process: TlsProcess) -> Result<(), Box<dyn Error>> {
    let mut stop = signal(SignalKind::terminate())?;
    let reloading = tokio::spawn(reload(process.certificate(), signal(SignalKind::hangup())?));
    writeln!(stdout(), "{}", process.address())?;
    let stopped = async { stop.recv().await.unwrap_or_default() };
    process.serve(stopped).await?;
    reloading.abort();
    Ok(())
}

async fn reload(certificate: Arc<ServerCertificate>, mut again: Signal) -> std::io::Result<()> {
    while again.recv().await.is_some() {
        match certificate.reload() {
            Ok(()) => writeln!(stdout(), "reloaded")?,
            Err(error) => writeln!(stdout(), "{error}")?,
        }
    }
    Ok(())
}
