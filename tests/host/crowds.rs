//! Several exchanges at once, each step of each at any time: what they share must not mix them up.

use crate::fault::Faults;
use crate::fixture::{events, json_head, message, sse_head};
use crate::gateway::Gateway;
use crate::outcome::{all_leave, hanging, one_more};
use crate::scenario::{exchange, plain};
use crate::stream::Ask;
use crate::traffic::UNAVAILABLE;
use crate::verdict::{breaches, gaps};
use proptest::prelude::*;
use std::cell::OnceCell;

/// How many exchanges there are.
const CROWD: usize = 4;

/// What happens next. Exchanges go by their number.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The client sends more: its head, half the body, the rest.
    Send(usize),
    /// The upstream sends more: its head, then so many bytes.
    Respond(usize, usize),
    ClientLeaves(usize),
    UpstreamBreaks(usize),
    Wake,
    Acknowledge,
    Refuse,
    /// The host loses a message.
    Lose,
    Tick(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..CROWD;
    prop_oneof![
        8 => who().prop_map(Step::Send),
        12 => (who(), 1_usize..900).prop_map(|(who, len)| Step::Respond(who, len)),
        1 => who().prop_map(Step::ClientLeaves),
        1 => who().prop_map(Step::UpstreamBreaks),
        5 => Just(Step::Wake),
        6 => Just(Step::Acknowledge),
        1 => Just(Step::Refuse),
        1 => Just(Step::Lose),
        1 => (100_u64..1200).prop_map(Step::Tick),
    ]
}

/// One exchange as far as it was played.
#[derive(Default)]
struct Player {
    id: Option<u32>,
    asked: bool,
    rest: Vec<u8>,
    responding: bool,
}

impl Player {
    fn send(&mut self, gateway: &mut Gateway, number: usize) {
        let ask = Ask::messages(&format!("s{number}"));
        match self.id {
            None => self.id = Some(gateway.open(&ask)),
            Some(id) if !self.asked => {
                let body = &gateway.stream(id).request_body;
                let (from, to) = (body.len(), (body.len() + 60).min(ask.body.len()));
                self.asked = to == ask.body.len();
                gateway.request_data(id, &ask.body[from..to], self.asked);
            }
            Some(_) => {}
        }
    }

    /// Odd numbers get a stream, even ones a message.
    fn respond(&mut self, gateway: &mut Gateway, number: usize, len: usize) {
        let Some(id) = self.id else { return };
        if !self.responding {
            let (head, body) = match number % 2 {
                0 => (json_head(&message()), message()),
                _ => (sse_head(), events(2).concat().into_bytes()),
            };
            self.responding = gateway.respond(id, &head, false);
            self.rest = body;
        } else if !self.rest.is_empty() {
            let chunk: Vec<u8> = self.rest.drain(..len.min(self.rest.len())).collect();
            gateway.response_data(id, &chunk, self.rest.is_empty());
        }
    }
}

thread_local! {
    static BASE: OnceCell<Gateway> = const { OnceCell::new() };
}

/// Plays the steps; before one of them, perhaps, a new policy comes, and both roots live on.
fn play(steps: &[Step], reload_at: Option<usize>, faults: Faults) -> Gateway {
    let mut gateway = BASE.with(|base| {
        let base = base.get_or_init(|| {
            let mut gateway = Gateway::start(&plain());
            exchange(&mut gateway, "before");
            gateway
        });
        base.fork_with(faults)
    });
    let mut players: [Player; CROWD] = Default::default();
    for (at, step) in steps.iter().enumerate() {
        if reload_at == Some(at) {
            gateway.configure(&plain());
        }
        match *step {
            Step::Send(who) => players[who].send(&mut gateway, who),
            Step::Respond(who, len) => players[who].respond(&mut gateway, who, len),
            Step::ClientLeaves(who) => {
                if let Some(id) = players[who].id {
                    gateway.client_leaves(id);
                }
            }
            Step::UpstreamBreaks(who) => {
                if let Some(id) = players[who].id {
                    gateway.upstream_breaks(id);
                }
            }
            Step::Wake => drop(gateway.wake()),
            Step::Acknowledge | Step::Refuse | Step::Lose => {
                let Some(call) = gateway.oldest_call() else { continue };
                match step {
                    Step::Acknowledge => gateway.acknowledge(call),
                    Step::Refuse => gateway.refuse(call, UNAVAILABLE),
                    _ => drop(gateway.world().calls.remove(&call)),
                }
            }
            Step::Tick(ms) => gateway.pass_time(ms, true),
        }
    }
    gateway
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn no_exchange_costs_another_its_record(
        steps in prop::collection::vec(step(), 0..120),
        reload_at in prop::option::weighted(0.1, 0_usize..120),
    ) {
        let mut gateway = play(&steps, reload_at, Faults::default());
        gateway.settle();
        let mut wrong: Vec<String> =
            hanging(&gateway).into_iter().map(|id| format!("stream {id} hangs")).collect();
        all_leave(&mut gateway);
        gateway.settle();
        wrong.extend(one_more(&mut gateway));
        gateway.settle();
        wrong.extend(breaches(gateway.world_ref()));
        wrong.extend(gaps(gateway.world_ref()));
        prop_assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Whatever fails and however often, nothing passes unrecorded, and a host that recovers is
    /// served again.
    #[test]
    fn nothing_passes_while_host_calls_fail(
        steps in prop::collection::vec(step(), 0..120),
        reload_at in prop::option::weighted(0.1, 0_usize..120),
        seed in any::<u64>(),
        per_mille in 5_u64..300,
    ) {
        let mut gateway = play(&steps, reload_at, Faults::by_chance(seed, per_mille));
        gateway.settle();
        gateway.world().faults = Faults::default();
        all_leave(&mut gateway);
        gateway.settle();
        let mut wrong: Vec<String> = one_more(&mut gateway).into_iter().collect();
        gateway.settle();
        wrong.extend(breaches(gateway.world_ref()));
        prop_assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
