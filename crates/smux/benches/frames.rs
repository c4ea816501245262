//! Frames per second, encoding and decoding.
#![allow(missing_docs, reason = "criterion_group makes an undocumented function")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use snowflake_smux::StreamId;
use snowflake_smux::frame::{Decoder, Frame, Update};

const FRAMES: usize = 1000;

fn frames(c: &mut Criterion) {
    let payload = Bytes::from_static(&[7; 32768]);
    let update = Update { consumed: 5, window: 1 << 20 };
    let kinds = [
        ("short PSH", Frame::Psh(StreamId(3), payload.slice(..514))),
        ("long PSH", Frame::Psh(StreamId(3), payload)),
        ("UPD", Frame::Upd(StreamId(3), update)),
        ("NOP", Frame::Nop),
    ];
    let mut group = c.benchmark_group("frames");
    group.throughput(Throughput::Elements(FRAMES as u64));
    for (name, frame) in kinds {
        group.bench_function(format!("encode {name}"), |b| {
            b.iter(|| {
                for _ in 0..FRAMES {
                    black_box(black_box(&frame).clone().encode());
                }
            });
        });
        let mut encoded = frame.encode();
        let wire: Vec<u8> = std::iter::from_fn(|| encoded.take(usize::MAX)).flatten().collect();
        let wire = Bytes::from(wire.repeat(FRAMES));
        group.bench_function(format!("decode {name}"), |b| {
            b.iter(|| {
                let (mut decoder, mut input) = (Decoder::default(), wire.clone());
                while let Ok(Some(item)) = decoder.next(&mut input) {
                    black_box(item);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
