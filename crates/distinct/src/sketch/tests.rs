//! Against figures of Go's counter: its algorithm in Go, with Go's own `encoding/gob`, fed with the same hashes.

use super::*;

/// One address of the fork's test vector, as Go writes it since the version that numbers types from 64.
const ONE: &str = "030a0000060600fd0400000306001203020001127f04010103736574\
                   01ff80000106010200000aff800001fc02da248e0103060000030a000003060000";

/// SplitMix64.
fn hash(n: u64) -> u64 {
    let z = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

fn sketch(hashes: std::ops::Range<u64>) -> Sketch {
    let mut sketch = Sketch::new();
    hashes.for_each(|n| sketch.add(hash(n)));
    sketch
}

/// FNV-1a, to compare long bytes with.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn is_dense(sketch: &Sketch) -> bool {
    matches!(sketch.form, Form::Dense(_))
}

#[test]
fn it_counts_as_go_does() {
    let (mut sketch, mut next) = (Sketch::new(), 0);
    for (hashes, count, dense) in [
        (0, 0, false),
        (1, 1, false),
        (3, 3, false),
        (2_621, 2_621, false),
        (2_622, 2_622, false),
        (2_623, 2_623, false),
        (30_000, 30_009, false),
        (130_000, 130_240, false),
        (200_000, 199_794, true),
        (400_000, 399_748, true),
        (1_000_000, 997_997, true),
        (1_500_000, 1_490_170, true),
        (3_000_000, 2_990_856, true),
    ] {
        (next..hashes).for_each(|n| sketch.add(hash(n)));
        next = hashes;
        assert_eq!((sketch.count(), is_dense(&sketch)), (count, dense), "of {hashes}");
    }
}

#[test]
fn it_merges_as_go_does() {
    let (mut a, b, mut d) = (sketch(0..60_000), sketch(30_000..90_000), sketch(80_000..580_000));
    a.merge(&b);
    assert_eq!((a.count(), is_dense(&a)), (90_111, false));
    a.merge(&d);
    assert_eq!((a.count(), is_dense(&a)), (579_314, true));
    d.merge(&b);
    assert_eq!((d.count(), is_dense(&d)), (549_242, true));
    let mut e = sketch(0..100_000);
    e.merge(&sketch(100_000..200_000));
    assert_eq!((e.count(), is_dense(&e)), (199_794, true));
}

#[test]
fn go_reads_what_it_writes() {
    let dense = sketch(0..200_000).encode();
    assert_eq!((dense.len(), fnv(&dense)), (262_169, 0xb3b1_19b5_ca10_b2c7));
    let dense = sketch(0..1_000_000).encode();
    assert_eq!((dense.len(), fnv(&dense)), (262_169, 0x7343_3eac_a0e8_1685));
    let Form::Sparse { pending, list } = sketch(0..2_622).form else { panic!("they are few") };
    assert_eq!((pending.len(), list.count(), list.last()), (0, 2_622, 4_101_947_395));
    assert_eq!((list.bytes().len(), fnv(list.bytes())), (6_662, 0x0de8_a8f5_d3af_efd9));
}

/// The number of the map's type differs with Go's version.
#[test]
fn it_reads_what_go_writes() {
    let one = hex::decode(ONE).unwrap();
    let sketch = Sketch::decode(&one).unwrap();
    assert_eq!(sketch.count(), 1);
    assert_eq!(sketch.encode(), one);
    let older = "030a0000060600fd040000030600120302000113ff8104010103736574\
                 01ff82000106010200000aff820001fc038882a00103060000030a000003060000";
    let sketch = Sketch::decode(&hex::decode(older).unwrap()).unwrap();
    assert_eq!(sketch.encode(), self::sketch(0..1).encode());
}

#[test]
fn what_was_written_is_read_in_every_form() {
    for hashes in [0, 1, 2_621, 2_623, 30_000, 200_000] {
        let sketch = sketch(0..hashes);
        let again = Sketch::decode(&sketch.encode()).unwrap();
        assert_eq!((again.count(), again.encode()), (sketch.count(), sketch.encode()));
    }
}

#[test]
fn what_is_no_sketch_is_refused() {
    let one = hex::decode(ONE).unwrap();
    for end in 0..one.len() {
        assert!(Sketch::decode(&one[..end]).is_err(), "{end} bytes");
    }
    for (from, to, error) in [
        ("fd040000", "fd020000", SketchError::Precision),
        ("03060012", "03060011", SketchError::Precision),
        ("0306001203020001", "0306001203020000", SketchError::Contradiction),
        ("0103060000", "0103060001", SketchError::Contradiction),
        ("0aff8000", "0aff8200", SketchError::WrongType),
    ] {
        let bad = ONE.replacen(from, to, 1);
        assert_ne!(bad, ONE);
        assert_eq!(Sketch::decode(&hex::decode(bad).unwrap()).unwrap_err(), error, "{to}");
    }
}
