use hansard_redact::*;
use std::io::Read;
use std::time::Instant;
fn main() {
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text).unwrap();
    let t = Instant::now();
    let all: Vec<Detector> = rules().map(|r| Detector { id: r.id.into(), action: Action::Mask, look: Look::Secret(r) }).collect();
    let mut e = Engine::new(all, Keyring::new(b"a key for tests alone").unwrap()).unwrap();
    println!("configure {:?}", t.elapsed());
    // pieces of about 4 KB at line ends
    let pieces: Vec<&[u8]> = text.chunks(4096).collect();
    for round in 0..5 {
        let t = Instant::now();
        let mut n = 0;
        for p in &pieces { n += e.scan_whole(p).len(); }
        let d = t.elapsed();
        println!("round {round}: {n} found, {:.0} MB/s", text.len() as f64 / 1e6 / d.as_secs_f64());
    }
    let mut counts = std::collections::BTreeMap::new();
    for p in &pieces { for f in e.scan_whole(p) { *counts.entry(e.id(f.detector).to_owned()).or_insert(0) += 1; } }
    let mut c: Vec<_> = counts.into_iter().collect(); c.sort_by_key(|x| std::cmp::Reverse(x.1));
    for (id, n) in c.iter().take(15) { println!("  {n} {id}"); }
}
