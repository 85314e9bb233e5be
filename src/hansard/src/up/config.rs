//! The bundled Envoy configuration, with this run's addresses.
//!
//! The files are those of `envoy/standalone`, parsed; a place that is not where it was is an error,
//! and a test makes sure that there is none. Envoy takes JSON as readily as YAML.

use super::UpError;
use super::upstream::Target;
use serde_json::{Value, json};
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const ENVOY: &str = include_str!("../../../../envoy/standalone/envoy.yaml");
const FILTER: &str = include_str!("../../../../envoy/standalone/filter.yaml");
const CREDENTIAL: &str = include_str!("../../../../envoy/standalone/credential.yaml");

const HCM: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

/// What differs from run to run.
pub(super) struct Setup<'a> {
    pub(super) listen: SocketAddr,
    /// The clusters of the policy's sinks, and where each listens.
    pub(super) sinks: Vec<(&'a str, SocketAddr)>,
    pub(super) upstream: &'a Target,
    pub(super) key: Option<&'a str>,
    pub(super) policy: &'a str,
    pub(super) filter: &'a Path,
}

/// Where everything was written to.
pub(super) struct Files {
    pub(super) envoy: PathBuf,
    pub(super) admin: PathBuf,
    pub(super) log: PathBuf,
}

/// Writes the files into a folder of their own.
pub(super) fn write(folder: &Path, setup: &Setup<'_>) -> Result<Files, UpError> {
    let failed = |source| UpError::File { path: folder.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let folder = folder.canonicalize().map_err(failed)?;
    save(&folder.join("filter.json"), &filter(setup)?)?;
    if let Some(key) = setup.key {
        save(&folder.join("credential.json"), &credential(key)?)?;
    }
    let files = Files {
        envoy: folder.join("envoy.json"),
        admin: folder.join("admin.txt"),
        log: folder.join("envoy.log"),
    };
    save(&files.envoy, &envoy(setup, &folder)?)?;
    // An address of an earlier run must not be taken for this one's.
    let _there_may_be_none = std::fs::remove_file(&files.admin);
    Ok(files)
}

fn envoy(setup: &Setup<'_>, folder: &Path) -> Result<Value, UpError> {
    let mut all = parse(ENVOY)?;
    let path = |name: &str| Value::from(folder.join(name).display().to_string());
    set(&mut all, "/admin/address/socket_address/port_value", json!(0))?;
    set(&mut all, "/static_resources/listeners/0/address", address(setup.listen))?;
    let discovery =
        format!("{HCM}/http_filters/0/config_discovery/config_source/path_config_source");
    set(&mut all, &format!("{discovery}/path"), path("filter.json"))?;
    set(
        &mut all,
        &format!("{discovery}/watched_directory/path"),
        folder.display().to_string().into(),
    )?;

    let filters = format!("{HCM}/http_filters");
    if setup.key.is_some() {
        let secret = format!(
            "{filters}/1/typed_config/credential/typed_config/credential/sds_config/path_config_source"
        );
        set(&mut all, &format!("{secret}/path"), path("credential.json"))?;
        set(
            &mut all,
            &format!("{secret}/watched_directory/path"),
            folder.display().to_string().into(),
        )?;
    } else {
        // Without a key there is nothing to inject.
        place(&mut all, &filters)?.as_array_mut().map(|list| list.remove(1));
    }

    let Target { host, port, tls } = setup.upstream;
    let route = format!("{HCM}/route_config/virtual_hosts/0/routes/0/route");
    set(&mut all, &format!("{route}/host_rewrite_literal"), authority(host, *port, *tls))?;
    let claude = "/static_resources/clusters/0";
    set(&mut all, &format!("{claude}/{ENDPOINT}"), json!({"address": host, "port_value": port}))?;
    if *tls {
        let socket = format!("{claude}/transport_socket/typed_config");
        set(&mut all, &format!("{socket}/sni"), json!(host))?;
        let san = "common_tls_context/validation_context/match_typed_subject_alt_names/0/matcher";
        set(&mut all, &format!("{socket}/{san}/exact"), json!(host))?;
    } else {
        place(&mut all, claude)?.as_object_mut().map(|cluster| cluster.remove("transport_socket"));
    }
    add_issuers(&mut all, setup.policy)?;
    add_sinks(&mut all, &setup.sinks)?;
    Ok(all)
}

/// The sinks' clusters: the bundled one, which the access log goes to as well, and others like it.
fn add_sinks(all: &mut Value, sinks: &[(&str, SocketAddr)]) -> Result<(), UpError> {
    let bundled = "/static_resources/clusters/1";
    let endpoint = format!("/{ENDPOINT}");
    let place_of =
        |at: SocketAddr| json!({"address": at.ip().to_string(), "port_value": at.port()});
    if let Some((_, first)) = sinks.first() {
        set(all, &format!("{bundled}{endpoint}"), place_of(*first))?;
    }
    for (name, at) in sinks {
        if place(all, bundled)?.get("name") == Some(&json!(name)) {
            set(all, &format!("{bundled}{endpoint}"), place_of(*at))?;
            continue;
        }
        let mut cluster = place(all, bundled)?.clone();
        set(&mut cluster, "/name", json!(name))?;
        set(&mut cluster, "/load_assignment/cluster_name", json!(name))?;
        set(&mut cluster, &endpoint, place_of(*at))?;
        if let Some(clusters) = place(all, "/static_resources/clusters")?.as_array_mut() {
            clusters.push(cluster);
        }
    }
    Ok(())
}

/// The clusters over which the policy's issuers are asked for their keys. An operator's own Envoy
/// has them in its configuration; here they follow from the policy.
fn add_issuers(all: &mut Value, policy: &str) -> Result<(), UpError> {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let issuers = policy.pointer("/identity/issuers").and_then(Value::as_array);
    let clusters = place(all, "/static_resources/clusters")?.as_array_mut();
    let (Some(clusters), Some(issuers)) = (clusters, issuers) else { return Ok(()) };
    for jwks in issuers.iter().filter_map(|issuer| issuer.get("jwks")) {
        let text = |name: &str| jwks.get(name).and_then(Value::as_str);
        let (Some(uri), Some(name)) = (text("uri"), text("cluster")) else { continue };
        if clusters.iter().any(|cluster| cluster.get("name") == Some(&json!(name))) {
            continue;
        }
        let Target { host, port, tls } = Target::of(uri)?;
        let mut cluster = json!({
            "name": name, "type": "STRICT_DNS", "connect_timeout": "5s",
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint":
                {"address": {"socket_address": {"address": host, "port_value": port}}}}]}]},
        });
        if let (true, Some(members)) = (tls, cluster.as_object_mut()) {
            let socket = json!({
                "name": "envoy.transport_sockets.tls",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                    "sni": host,
                    "common_tls_context": {"validation_context": {
                        "trusted_ca": {"filename": "/etc/ssl/certs/ca-certificates.crt"},
                        "match_typed_subject_alt_names":
                            [{"san_type": "DNS", "matcher": {"exact": host}}],
                    }},
                },
            });
            members.insert("transport_socket".into(), socket);
        }
        clusters.push(cluster);
    }
    Ok(())
}

const ENDPOINT: &str = "load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";

fn filter(setup: &Setup<'_>) -> Result<Value, UpError> {
    let mut all = parse(FILTER)?;
    let config = "/resources/0/typed_config/config";
    let wasm = setup.filter.display().to_string();
    set(&mut all, &format!("{config}/vm_config/code/local/filename"), wasm.into())?;
    set(&mut all, &format!("{config}/configuration/value"), setup.policy.into())?;
    Ok(all)
}

fn credential(key: &str) -> Result<Value, UpError> {
    let mut all = parse(CREDENTIAL)?;
    set(&mut all, "/resources/0/generic_secret/secret/inline_string", key.into())?;
    Ok(all)
}

fn address(at: SocketAddr) -> Value {
    json!({"socket_address": {"address": at.ip().to_string(), "port_value": at.port()}})
}

/// The `host` that the upstream expects: the port only where it is not the scheme's own.
fn authority(host: &str, port: u16, tls: bool) -> Value {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let usual = if tls { 443 } else { 80 };
    if port == usual { host.into() } else { format!("{host}:{port}").into() }
}

fn parse(yaml: &str) -> Result<Value, UpError> {
    serde_saphyr::from_str(yaml).map_err(|error| UpError::Bundled { place: error.to_string() })
}

fn place<'a>(value: &'a mut Value, pointer: &str) -> Result<&'a mut Value, UpError> {
    value.pointer_mut(pointer).ok_or_else(|| UpError::Bundled { place: pointer.to_owned() })
}

fn set(value: &mut Value, pointer: &str, new: Value) -> Result<(), UpError> {
    *place(value, pointer)? = new;
    Ok(())
}

/// Writes a file that only its owner reads, whole or not at all: Envoy watches for renames.
fn save(path: &Path, value: &Value) -> Result<(), UpError> {
    let failed = |source| UpError::File { path: path.to_owned(), source };
    let draft = path.with_extension("draft");
    let _there_may_be_none = std::fs::remove_file(&draft);
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(failed)?;
    file.write_all(value.to_string().as_bytes()).map_err(failed)?;
    std::fs::rename(&draft, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn every_place_is_there_and_the_key_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let upstream = Target { host: "claude.example".into(), port: 8443, tls: true };
        let mut setup = Setup {
            listen: "127.0.0.1:1".parse().unwrap(),
            sinks: vec![
                ("hansard_sink", "127.0.0.1:2".parse().unwrap()),
                ("spare", "127.0.0.2:3".parse().unwrap()),
            ],
            upstream: &upstream,
            key: Some("sk-test"),
            policy: "{}",
            filter: Path::new("/f.wasm"),
        };
        write(folder.path(), &setup).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let envoy = read("envoy.json");
        for part in ["claude.example:8443", "\"sni\":\"claude.example\"", "credential.json"] {
            assert!(envoy.contains(part), "{part}");
        }
        assert!(!envoy.contains("anthropic.com") && !envoy.contains("sk-test"));
        let all: Value = serde_json::from_str(&envoy).unwrap();
        let clusters = all["static_resources"]["clusters"].as_array().unwrap();
        let sinks = clusters.iter().filter(|cluster| cluster.get("health_checks").is_some());
        let sinks: Vec<_> = sinks
            .map(|sink| {
                let address = sink.pointer(&format!("/{ENDPOINT}")).unwrap();
                (sink["name"].as_str().unwrap(), address["port_value"].as_u64().unwrap())
            })
            .collect();
        assert_eq!(sinks, [("hansard_sink", 2), ("spare", 3)]);
        assert!(read("filter.json").contains("/f.wasm"));
        assert!(read("credential.json").contains("sk-test"));
        let mode = std::fs::metadata(folder.path().join("credential.json")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);

        let plain = Target { host: "127.0.0.1".into(), port: 80, tls: false };
        setup.upstream = &plain;
        setup.key = None;
        write(folder.path(), &setup).unwrap();
        let envoy = read("envoy.json");
        assert!(!envoy.contains("transport_socket") && !envoy.contains("credential_injector"));
    }
}
