//! The measurements, each a subcommand: `cargo bench -p stories -- frame`. Release builds are measured, so
//! `cargo build --release` comes first.

mod frame;
mod peers;
mod record;
mod verify;

use anyhow::{Result, bail};

#[tokio::main]
async fn main() -> Result<()> {
    // Cargo adds flags of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match words.split_first() {
        Some((name, [])) if name == "frame" => frame::measure().await,
        Some((name, sections)) if name == "peers" => peers::measure(sections).await,
        Some((name, [])) if name == "record" => record::measure().await,
        Some((name, [])) if name == "verify" => verify::measure().await,
        _ => bail!("name one measurement: frame, peers, record or verify"),
    }
}
