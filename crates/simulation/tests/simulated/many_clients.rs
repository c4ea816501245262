//! Many clients on one server, whose carriers come and go: each gets what is its own, and none waits for another.

use snowflake_simulation::for_seeds;
use snowflake_simulation::scenario::crowd;

#[test]
fn clients_do_not_notice_each_other() {
    println!("95 % of answers within {:?}", for_seeds(4, crowd));
}
