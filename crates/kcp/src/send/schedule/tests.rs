use super::*;

struct Fixture {
    flight: Flight,
    schedule: Schedule,
}

impl Fixture {
    fn new() -> Self {
        Self { flight: Flight::new(0), schedule: Schedule::default() }
    }

    fn send_new(&mut self, ts: u32) {
        let sn = self.flight.push(0, 1);
        self.send(sn, ts, 200, false);
    }

    fn send_over(&mut self, carrier: u32, sn: u32, ts: u32) {
        let slot = self.flight.get_mut(sn).unwrap();
        (slot.ts, slot.transmissions) = (ts, slot.transmissions + 1);
        let stamp = Stamp { deadline: u64::from(ts) + 200, sn, transmission: slot.transmissions };
        self.schedule.transmitted(carrier, stamp, false);
        self.schedule.prune(&self.flight);
    }

    fn send(&mut self, sn: u32, ts: u32, timeout: u64, backed_off: bool) {
        let slot = self.flight.get_mut(sn).unwrap();
        slot.transmissions += 1;
        slot.ts = ts;
        let deadline = u64::from(ts) + timeout;
        let stamp = Stamp { deadline, sn, transmission: slot.transmissions };
        self.schedule.transmitted(0, stamp, backed_off);
        self.schedule.prune(&self.flight);
    }

    fn ack(&mut self, sn: u32, ts: u32) {
        self.flight.acknowledge(sn).unwrap();
        self.schedule.acknowledged(&self.flight, 0, (sn, ts), u64::from(ts) + 50);
        self.schedule.prune(&self.flight);
    }

    fn skipped(&self) -> Vec<u32> {
        let lanes = self.schedule.lanes.iter();
        lanes.flat_map(|lane| &lane.skipped).map(|stamp| stamp.sn).collect()
    }
}

#[test]
fn what_was_sent_before_is_skipped_what_was_sent_after_is_not() {
    let mut f = Fixture::new();
    (0..5).for_each(|ts| f.send_new(ts));
    f.ack(2, 2);
    assert_eq!(f.skipped(), [0, 1]);
    assert_eq!((f.schedule.next_skipped(), f.schedule.patience()), (Some(0), 62));
}

#[test]
fn within_one_millisecond_the_number_decides() {
    let mut f = Fixture::new();
    (0..4).for_each(|_| f.send_new(7));
    f.ack(1, 7);
    assert_eq!(f.skipped(), [0]);
}

#[test]
fn an_old_transmission_does_not_skip_a_newer_one() {
    let mut f = Fixture::new();
    f.send_new(0);
    f.send_new(1);
    f.send(0, 300, 400, true);
    f.ack(1, 1);
    assert_eq!(f.skipped(), [] as [u32; 0]);
}

#[test]
fn a_repeated_segment_that_arrives_skips_those_repeated_before_it() {
    let mut f = Fixture::new();
    (0..3).for_each(|_| f.send_new(0));
    f.send(1, 250, 200, false);
    f.send(0, 251, 200, false);
    f.ack(0, 251);
    assert_eq!(f.skipped(), [2, 1]);
}

#[test]
fn deadlines_come_in_order_whatever_the_order_of_sending() {
    let mut f = Fixture::new();
    (0..3).for_each(|_| f.send_new(0));
    f.send(1, 10, 5000, true);
    f.flight.push(0, 1);
    f.send(3, 20, 100, false);
    let mut order = Vec::new();
    while let Some(next) = f.schedule.next_timeout() {
        order.push((next.sn, next.deadline));
        f.flight.acknowledge(next.sn);
        f.schedule.prune(&f.flight);
    }
    assert_eq!(order, [(3, 120), (0, 200), (2, 200), (1, 5010)]);
}

#[test]
fn void_stamps_do_not_pile_up() {
    let mut f = Fixture::new();
    f.send_new(0);
    f.send_new(0);
    // Segment 0 stays; segment 1 is repeated for ever.
    for ts in 1..10_000 {
        f.send(1, ts, 100_000, ts % 2 == 0);
    }
    assert!(f.schedule.lanes[0].sent.len() <= 70);
    assert!(f.schedule.lanes[0].by_deadline.len() <= 70);
    assert!(f.schedule.lanes[0].out_of_order.len() <= 70);
}

#[test]
fn each_carrier_has_its_own_order_and_together_the_lowest_number_comes_first() {
    let mut f = Fixture::new();
    (0..6).for_each(|_| assert!(f.flight.push(0, 1) < 6));
    for (sn, carrier) in [(0, 1), (1, 2), (2, 2), (3, 1), (4, 1), (5, 2)] {
        f.send_over(carrier, sn, sn);
    }
    f.flight.acknowledge(5).unwrap();
    f.schedule.acknowledged(&f.flight, 2, (5, 5), 50);
    assert_eq!(f.skipped(), [1, 2]);
    f.schedule.probe_answered(&f.flight, 1, 4, 50);
    assert_eq!(f.skipped(), [0, 3, 1, 2], "4 left in the same millisecond as the probe");
    assert_eq!(f.schedule.next_skipped(), Some(0));
    assert_eq!(f.schedule.lane(2).unwrap().next_skipped(), Some(1));
    f.send_over(2, 0, 60);
    assert_eq!(f.schedule.next_skipped(), Some(1));
    assert_eq!(f.schedule.next_timeouts().map(|stamp| stamp.sn).collect::<Vec<_>>(), [3, 1]);
}

#[test]
fn the_lane_of_a_carrier_that_was_given_up_goes_with_what_it_held() {
    let mut f = Fixture::new();
    for carrier in 0..100 {
        let sn = f.flight.push(0, 1);
        f.send_over(carrier, sn, sn);
        f.schedule.skip_all(&f.flight, carrier, 0);
        f.send_over(1000, sn, sn + 1);
        assert!(f.schedule.lanes.len() <= 2);
    }
    assert!(f.schedule.lane(99).is_none());
}
