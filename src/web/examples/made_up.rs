//! A made-up day in a browser, for work on the pages: `cargo run -p hansard-web --features made-up --example made_up`.

use hansard_web::{Audit, Login, Prices, Roles, Settings, Source, fixture, router, token};
use std::error::Error;
use std::io::{self, Write};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut sessions = fixture::day();
    sessions.push(fixture::hostile());
    sessions.push(fixture::long(5_000));
    let index = tempfile::tempdir()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:10090").await?;
    let public_url = format!("http://{}", listener.local_addr()?);
    let prices = std::env::args().nth(1).map(|path| Prices::read(path.as_ref())).transpose()?;
    let token = token()?;
    writeln!(io::stdout(), "{public_url}/login?token={token}")?;
    let settings = Settings {
        source: Source::made_up(index.path(), &sessions)?,
        audit: Audit::with(|_| Ok(())),
        roles: Roles::default(),
        prices: prices.unwrap_or_default(),
        login: Login::Token(token),
        public_url,
    };
    axum::serve(listener, router(settings)).await?;
    Ok(())
}
