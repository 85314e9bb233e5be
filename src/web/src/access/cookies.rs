//! Cookies that carry a secret of the server's, and nothing else.

use axum::http::{HeaderMap, header};

/// How cookies of this site are named and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Jar {
    /// Whether the site is reached over TLS.
    pub(crate) secure: bool,
}

impl Jar {
    /// With TLS a name that a browser lets nobody else set (RFC 6265bis section 4.1.3.2).
    pub(crate) fn name(self, name: &str) -> String {
        if self.secure { format!("__Host-{name}") } else { name.to_owned() }
    }

    /// Sets a cookie. `Lax`: the way back from the identity provider begins at another site.
    pub(crate) fn set(self, name: &str, value: &str, seconds: i64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let name = self.name(name);
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }

    pub(crate) fn clear(self, name: &str) -> String {
        self.set(name, "", 0)
    }

    /// The value of a cookie; absent when two claim the name.
    pub(crate) fn find(self, headers: &HeaderMap, name: &str) -> Option<String> {
        let name = self.name(name);
        let cookies =
            headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut found = cookies
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .filter(|(own, _)| *own == name)
            .map(|(_, value)| value.to_owned());
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_kept_from_scripts_and_from_plain_http() {
        let secure = Jar { secure: true }.set("hansard", "x", 60);
        assert_eq!(secure, "__Host-hansard=x; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
        let plain = Jar { secure: false }.set("hansard", "x", 60);
        assert_eq!(plain, "hansard=x; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
        assert!(Jar { secure: true }.clear("hansard").contains("Max-Age=0"));
    }

    #[test]
    fn a_cookie_is_found_when_it_is_the_only_one_of_its_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; hansard=s; xhansard=t".parse().unwrap());
        let jar = Jar { secure: false };
        assert_eq!(jar.find(&headers, "hansard").as_deref(), Some("s"));
        assert_eq!(Jar { secure: true }.find(&headers, "hansard"), None);
        headers.append(header::COOKIE, "hansard=other".parse().unwrap());
        assert_eq!(jar.find(&headers, "hansard"), None);
    }
}
