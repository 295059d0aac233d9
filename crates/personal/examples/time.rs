//! Scans files and prints how fast.
fn main() {
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).expect("readable");
        let start = std::time::Instant::now();
        let report = personal::scan(&path, &bytes, &personal::Limits::default());
        let seconds = start.elapsed().as_secs_f64();
        eprintln!(
            "{path}: {:.1} MB/s {:?}",
            bytes.len() as f64 / 1e6 / seconds,
            report.format
        );
        for (class, finding) in &report.findings {
            eprintln!("   {} {} {:?}", class.name(), finding.count, finding.examples);
        }
        eprintln!("   unread {:?}", report.unread);
    }
}
