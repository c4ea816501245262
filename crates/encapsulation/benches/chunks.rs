//! Bytes a second through the chunk codec, one core.

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use snowflake_encapsulation::{Decoder, encode};
use std::hint::black_box;

/// A full KCP packet.
const PACKET: usize = 1400;
/// Packets in a message of 16 KiB, as a busy carrier batches them.
const BATCH: usize = 11;

fn message(packets: usize) -> Bytes {
    let mut out = BytesMut::new();
    for _ in 0..packets {
        encode(&[7; PACKET], &mut out).expect("a packet fits in a chunk");
    }
    out.freeze()
}

fn chunks(c: &mut Criterion) {
    let mut group = c.benchmark_group("encapsulation");
    group.throughput(Throughput::Bytes((PACKET * BATCH) as u64));
    group.bench_function("encode 11 packets", |b| b.iter(|| black_box(message(BATCH))));
    for (name, messages, each) in
        [("decode 11 packets, one message", 1, BATCH), ("decode 11 messages", BATCH, 1)]
    {
        let message = message(each);
        group.bench_function(name, |b| {
            let mut decoder = Decoder::new(2048);
            b.iter(|| {
                for _ in 0..messages {
                    decoder.push(message.clone());
                    while let Ok(Some(packet)) = decoder.next_packet() {
                        black_box(packet);
                    }
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, chunks);
criterion_main!(benches);
