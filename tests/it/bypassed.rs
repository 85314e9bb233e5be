//! An Envoy that was set up without the filter, beside one with it, on the same sink: what passed it
//! unrecorded is found by Envoy's own log.

use crate::{any_port, ask, envoys};
use hansard_tests::client::Client;
use hansard_tests::gateway::{Gateway, Options, binary, free_port};
use hansard_tests::outside::until;
use hansard_tests::scripted::ScriptedClaude;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// An Envoy with the gateway's own configuration, less the filter.
struct Bypass {
    child: Child,
    addr: SocketAddr,
}

impl Bypass {
    fn start(envoy: &Path, gateway: &Gateway) -> Self {
        let folder = gateway.data().join("envoy");
        let text = std::fs::read_to_string(folder.join("envoy.json")).unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        let addr = free_port().unwrap();
        let listener = &mut config["static_resources"]["listeners"][0];
        listener["address"]["socket_address"]["port_value"] = json!(addr.port());
        let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
        let filters = manager["http_filters"].as_array_mut().unwrap();
        let before = filters.len();
        filters.retain(|filter| filter["name"] != "hansard");
        assert_eq!(filters.len() + 1, before, "the filter was there");
        let file = folder.join("bypass.json");
        std::fs::write(&file, config.to_string()).unwrap();
        let child = Command::new(envoy)
            .arg("-c")
            .arg(file)
            .args(["--disable-hot-restart", "--concurrency", "1"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, addr }
    }
}

impl Drop for Bypass {
    fn drop(&mut self) {
        let _it_may_be_gone = self.child.kill();
        let _it_may_be_gone = self.child.wait();
    }
}

/// The exit code of `hansard status`, and what it says.
fn status(gateway: &Gateway) -> (Option<i32>, Value) {
    let output = Command::new(binary("hansard"))
        .args(["status", "--json", "--data"])
        .arg(gateway.data())
        .output()
        .unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_went_around_the_filter_is_found() {
    for envoy in envoys() {
        let claude = ScriptedClaude::start(any_port()).unwrap();
        let gateway = Gateway::start(&Options::new(&envoy, claude.url()));
        let answer = gateway.client().message(&ask(true)).await.unwrap();
        assert_eq!(answer.status, 200);
        // Envoy's own log of it comes behind; what neither side misses is complete.
        until("the witness of the recorded stream", || status(&gateway).1["witnesses"] == 1).await;
        let (code, figures) = status(&gateway);
        assert_eq!((code, &figures["unrecorded"]), (Some(0), &json!(0)), "{figures}");

        let bypass = Bypass::start(&envoy, &gateway);
        until("the other Envoy", || TcpStream::connect(bypass.addr).is_ok()).await;
        let answer = Client::new(bypass.addr, None).message(&ask(true)).await.unwrap();
        assert_eq!(answer.status, 200, "nothing stood in its way");
        until("the alarm", || status(&gateway).0 == Some(1)).await;
        let (_, figures) = status(&gateway);
        assert_eq!(
            (&figures["complete"], &figures["unrecorded"], &figures["exchanges"]),
            (&json!(false), &json!(1), &json!(1)),
            "{figures}"
        );
        // The record goes on, and the alarm with it.
        assert_eq!(gateway.client().message(&ask(true)).await.unwrap().status, 200);
        assert_eq!(status(&gateway).0, Some(1));
    }
}
