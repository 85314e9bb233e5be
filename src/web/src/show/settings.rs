//! How the server was started, for admins. Nothing can be changed here: files and flags say it.

use super::text::Line;
use crate::site::{Door, Site};
use maud::{Markup, html};

pub(crate) fn settings(site: &Site) -> Markup {
    let roles = &site.roles;
    html! {
        h1 { "Settings" }
        p.muted { "As the server was started. To change them, change its flags and files, and start it again." }
        section aria-labelledby="login-title" {
            h2 #login-title { "Login" }
            dl.facts {
                dt { "Address" } dd { (Line(&site.public_url)) }
                @match &site.door {
                    Door::Oidc(oidc) => {
                        dt { "Identity provider" } dd { (Line(&oidc.provider().issuer)) }
                        dt { "Client" } dd { (Line(&oidc.provider().client_id)) }
                    }
                    Door::Token(_) => { dt { "With" } dd { "the token that was printed at the start; whoever has it is an admin" } }
                }
            }
        }
        section aria-labelledby="roles-title" {
            h2 #roles-title { "Roles" }
            dl.facts {
                dt { "Groups in claim" } dd { code { (Line(&roles.groups_claim)) } }
                dt { "Admins" } dd { (Line(&or_nobody(&roles.admin))) }
                dt { "Auditors" } dd { (Line(&or_nobody(&roles.auditor))) }
                @for (group, led) in &roles.lead { dt { "Leads: " (Line(group)) } dd { "of " (Line(&led.join(", "))) } }
                dt { "Everybody else" } dd { "their own sessions" }
            }
        }
        section aria-labelledby="prices-title" {
            h2 #prices-title { "Prices" }
            @if site.prices.models.is_empty() {
                p { "No table of prices: no cost is shown. Give one with " code { "--prices FILE" } "." }
            } @else {
                div.wide tabindex="0" {
                    table {
                        thead { tr { th scope="col" { "Model" } th.num scope="col" { "Input" } th.num scope="col" { "Cache read" } th.num scope="col" { "Cache write" } th.num scope="col" { "Output" } } }
                        tbody {
                            @for (model, price) in &site.prices.models {
                                tr { td { code { (Line(model)) } } td.num { (price.input) } td.num { (price.cache_read) } td.num { (price.cache_write) } td.num { (price.output) } }
                            }
                        }
                    }
                }
                p.muted { "Per million tokens" @if !site.prices.currency.is_empty() { ", in " (Line(&site.prices.currency)) } "." }
            }
        }
    }
}

fn or_nobody(groups: &[String]) -> String {
    if groups.is_empty() { "nobody".into() } else { groups.join(", ") }
}
