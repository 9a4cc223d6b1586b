//! A way round: Cal.com's embed appends `/embed` to the path of whatever it frames, and our server's documents have no
//! such path. What goes through here asks for the document itself instead.

use anyhow::Result;
use stories::port;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A relay to the embed server; it is gone when this goes.
pub struct Detour {
    /// Where it listens.
    pub port: u16,
    task: JoinHandle<()>,
}

impl Detour {
    /// Relays to `to`, and replaces each of these texts in what is asked.
    pub async fn start(to: u16, replacements: Vec<(String, String)>) -> Result<Self> {
        let port = port::free()?;
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let replacements = replacements.clone();
                // A connection that breaks is asked for again, or the measurement says what it missed.
                tokio::spawn(async move { relay(near, to, &replacements).await });
            }
        });
        Ok(Self { port, task })
    }
}

impl Drop for Detour {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection. A browser sends the head of a request in one piece, and no bodies here.
async fn relay(near: TcpStream, to: u16, replacements: &[(String, String)]) -> Result<()> {
    let far = TcpStream::connect(("127.0.0.1", to)).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (mut near_read, mut near_write) = near.into_split();
    let (mut far_read, mut far_write) = far.into_split();
    let asking = async {
        let mut buffer = vec![0; 64 * 1024];
        while let length @ 1.. = near_read.read(&mut buffer).await? {
            let mut text = String::from_utf8(buffer[..length].to_vec())?;
            for (from, to) in replacements {
                text = text.replace(from, to);
            }
            far_write.write_all(text.as_bytes()).await?;
        }
        far_write.shutdown().await?;
        anyhow::Ok(())
    };
    let answering = async { anyhow::Ok(copy(&mut far_read, &mut near_write).await?) };
    tokio::try_join!(asking, answering)?;
    Ok(())
}
