//! What a signed `.rdp` file costs: to read, and to digest what it says.

use divan::Bencher;
use divan::counter::BytesCount;
use poolwarden_domain::rdp::parse;

/// The same file in two encodings.
const UTF8: &[u8] = include_bytes!("../fixtures/rdp/arm-desktop-signed.rdp");
const UTF16LE: &[u8] = include_bytes!("../fixtures/rdp/arm-desktop-signed-utf16le.rdp");

fn main() {
    divan::main();
}

#[divan::bench(args = ["UTF-8", "UTF-16LE"])]
fn read(bencher: Bencher<'_, '_>, encoding: &str) {
    let file = if encoding == "UTF-8" { UTF8 } else { UTF16LE };
    bencher.counter(BytesCount::of_slice(file)).bench(|| parse(divan::black_box(file)));
}

#[divan::bench]
fn digest(bencher: Bencher<'_, '_>) {
    let file = parse(UTF8).expect("a file that can be read");
    bencher.counter(BytesCount::of_slice(UTF8)).bench(|| divan::black_box(&file).content_sha256());
}
