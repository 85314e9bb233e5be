//! `envoy/standalone`, as each variant runs it.
//!
//! Enters: the two files as they ship, and this run's addresses. Leaves: one configuration for each
//! variant, the same in everything but the filter: edge, limits, access log and clusters are those
//! that operators get. The upstream is plain HTTP, the credential injector is left out.

use crate::problem::Problem;
use crate::variant::Variant;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;

const ENVOY: &str = include_str!("../../envoy/standalone/envoy.yaml");
const FILTER: &str = include_str!("../../envoy/standalone/filter.yaml");

const HCM: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
const ENDPOINT: &str = "load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";

/// Reads both bodies: the request whole, as a recorder must, the response as it passes.
const LUA: &str = "
function envoy_on_request(handle)
  local body = handle:body()
  if body then local text = body:getBytes(0, body:length()) end
end
function envoy_on_response(handle)
  for chunk in handle:bodyChunks() do
    local text = chunk:getBytes(0, chunk:length())
  end
end
";

/// What differs from run to run.
pub(crate) struct Setup<'a> {
    pub(crate) upstream: SocketAddr,
    pub(crate) sink: SocketAddr,
    /// The issuer that Hansard's policy trusts.
    pub(crate) issuer: &'a Value,
    pub(crate) hansard: &'a Path,
    pub(crate) noop: &'a Path,
}

/// The configuration of a variant. Envoy takes JSON as readily as YAML.
pub(crate) fn envoy(setup: &Setup<'_>, variant: Variant) -> Result<Value, Problem> {
    let mut all = parse(ENVOY)?;
    let any_port = json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}});
    *place(&mut all, "/admin/address")? = any_port.clone();
    *place(&mut all, "/static_resources/listeners/0/address")? = any_port;

    let claude = place(&mut all, "/static_resources/clusters/0")?;
    *place(claude, &format!("/{ENDPOINT}"))? = address(setup.upstream);
    object(claude)?.remove("transport_socket");
    let sink = format!("/static_resources/clusters/1/{ENDPOINT}");
    *place(&mut all, &sink)? = address(setup.sink);

    let filters = list(place(&mut all, &format!("{HCM}/http_filters"))?)?;
    filters.retain(|filter| {
        filter.get("name").is_none_or(|name| name != "envoy.filters.http.credential_injector")
    });
    let ours = filters.iter().position(|f| f.get("name").is_some_and(|name| name == "hansard"));
    let ours = ours.ok_or_else(|| bundled("http_filters: hansard"))?;
    filters.splice(ours..=ours, filter(setup, variant)?);

    if variant == Variant::Bare {
        object(place(&mut all, HCM)?)?.remove("access_log");
    }
    Ok(all)
}

fn filter(setup: &Setup<'_>, variant: Variant) -> Result<Option<Value>, Problem> {
    Ok(match variant {
        Variant::Bare | Variant::NoFilter => None,
        Variant::Noop => Some(noop(setup)?),
        Variant::Lua => Some(json!({
            "name": "lua",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                "default_source_code": {"inline_string": LUA},
            },
        })),
        Variant::AccessLog => Some(hansard(setup, "access_log")?),
        Variant::Acknowledged => Some(hansard(setup, "acknowledged")?),
    })
}

fn noop(setup: &Setup<'_>) -> Result<Value, Problem> {
    let mut wasm = wasm(setup.noop)?;
    let config = place(&mut wasm, "/config")?;
    object(config)?.remove("configuration");
    *place(config, "/vm_config/vm_id")? = "noop".into();
    Ok(json!({"name": "noop", "typed_config": wasm}))
}

/// The filter under the policy of `filter.yaml`, which trusts this run's issuer as well.
fn hansard(setup: &Setup<'_>, delivery: &str) -> Result<Value, Problem> {
    let mut wasm = wasm(setup.hansard)?;
    let value = place(&mut wasm, "/config/configuration/value")?;
    let mut policy: Value = serde_json::from_str(value.as_str().unwrap_or_default())
        .map_err(|error| bundled(&error.to_string()))?;
    *place(&mut policy, "/identity/issuers")? = json!([setup.issuer]);
    *place(&mut policy, "/record/delivery")? = delivery.into();
    *value = policy.to_string().into();
    Ok(json!({"name": "hansard", "typed_config": wasm}))
}

/// The filter of `filter.yaml`, with other code.
fn wasm(code: &Path) -> Result<Value, Problem> {
    let mut all = parse(FILTER)?;
    let wasm = place(&mut all, "/resources/0/typed_config")?;
    *place(wasm, "/config/vm_config/code/local/filename")? = code.display().to_string().into();
    Ok(wasm.take())
}

fn address(at: SocketAddr) -> Value {
    json!({"address": at.ip().to_string(), "port_value": at.port()})
}

fn parse(yaml: &str) -> Result<Value, Problem> {
    serde_saphyr::from_str(yaml).map_err(|error| bundled(&error.to_string()))
}

fn place<'a>(value: &'a mut Value, pointer: &str) -> Result<&'a mut Value, Problem> {
    value.pointer_mut(pointer).ok_or_else(|| bundled(pointer))
}

fn object(value: &mut Value) -> Result<&mut serde_json::Map<String, Value>, Problem> {
    value.as_object_mut().ok_or_else(|| bundled("an object"))
}

fn list(value: &mut Value) -> Result<&mut Vec<Value>, Problem> {
    value.as_array_mut().ok_or_else(|| bundled("a list"))
}

fn bundled(place: &str) -> Problem {
    Problem::Bundled { place: place.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_differ_in_the_filter_alone() {
        let issuer = json!({"issuer": "i"});
        let setup = Setup {
            upstream: "127.0.0.1:1".parse().unwrap(),
            sink: "127.0.0.1:2".parse().unwrap(),
            issuer: &issuer,
            hansard: Path::new("/hansard.wasm"),
            noop: Path::new("/noop.wasm"),
        };
        let filters = format!("{HCM}/http_filters");
        let base = envoy(&setup, Variant::NoFilter).unwrap();
        for (variant, code, count) in [
            (Variant::Bare, "", 1),
            (Variant::NoFilter, "", 1),
            (Variant::Noop, "/noop.wasm", 2),
            (Variant::Lua, "envoy_on_request", 2),
            (Variant::AccessLog, "\\\"delivery\\\":\\\"access_log\\\"", 2),
            (Variant::Acknowledged, "\\\"delivery\\\":\\\"acknowledged\\\"", 2),
        ] {
            let mut all = envoy(&setup, variant).unwrap();
            let list = all.pointer_mut(&filters).unwrap().as_array_mut().unwrap();
            assert_eq!(list.len(), count, "{variant:?}");
            assert!(list[0].to_string().contains(code), "{variant:?}");
            list.drain(..count - 1);
            if variant == Variant::Bare {
                all.pointer_mut(HCM).unwrap()["access_log"] =
                    base.pointer(HCM).unwrap()["access_log"].clone();
            }
            assert_eq!(all, base, "{variant:?}");
        }
    }
}
