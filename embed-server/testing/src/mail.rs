//! A mail server that keeps the mails it gets (RFC 5321, as much of it as sending takes).

use crate::until;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What was sent: to whom, and the whole mail.
pub type KeptMail = (String, String);

#[derive(Clone, Default)]
pub struct Mailbox(Arc<Mutex<Vec<KeptMail>>>);

pub struct MailServer {
    pub address: SocketAddr,
    pub mailbox: Mailbox,
}

impl MailServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mailbox = Mailbox::default();
        let kept = mailbox.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that goes away in the middle has sent nothing.
                tokio::spawn(take(stream, kept.clone()));
            }
        });
        Self { address, mailbox }
    }

    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }
}

impl Mailbox {
    pub fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The newest mail to an address, once there are so many mails in all.
    pub async fn newest(&self, to: &str, count: usize) -> String {
        until(&format!("mail {count}"), Duration::from_secs(10), async || self.count() >= count).await;
        let mails = self.0.lock().unwrap();
        mails.iter().rev().find(|(address, _)| address == to).unwrap().1.clone()
    }

    /// The path and query of the link in the newest mail to an address that says this.
    pub async fn link(&self, to: &str, count: usize, says: &str) -> String {
        self.newest(to, count).await;
        let mails = self.0.lock().unwrap();
        let (_, mail) =
            mails.iter().rev().find(|(address, mail)| address == to && mail.contains(says)).unwrap();
        let (_, rest) = mail
            .split_once("https://embed.test/console/enter")
            .unwrap_or_else(|| panic!("no link in {mail}"));
        format!("/console/enter{}", rest.lines().next().unwrap())
    }

    /// The six digits in it.
    pub async fn code(&self, to: &str, count: usize) -> String {
        let mail = self.newest(to, count).await;
        let (_, rest) = mail.split_once("Your code is ").unwrap_or_else(|| panic!("no code in {mail}"));
        rest[..6].to_owned()
    }
}

async fn take(stream: TcpStream, mailbox: Mailbox) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 mail.test\r\n").await?;
    let mut to = String::new();
    while let Some(line) = lines.next_line().await? {
        let answer = match line.to_ascii_uppercase() {
            upper if upper.starts_with("DATA") => {
                write.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    mail.push_str(&line);
                    mail.push('\n');
                }
                // Quoted-printable, of which English texts need this much (RFC 2045, section 6.7).
                let mail = mail.replace("=\n", "").replace("=3D", "=");
                mailbox.0.lock().unwrap().push((to.clone(), mail));
                "250 kept"
            }
            upper if upper.starts_with("RCPT TO:") => {
                to = line[8..].trim_matches(|character| "<> ".contains(character)).to_owned();
                "250 fine"
            }
            upper if upper.starts_with("QUIT") => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 fine",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}
