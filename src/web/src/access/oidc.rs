//! Login at an OpenID Connect provider: authorization code with PKCE, state and nonce.
//!
//! Enters: where the provider is and who we are to it. Leaves: the verified claims of somebody. The
//! provider's keys are fetched at each login, so a change of keys needs no restart.

use super::logins::Remembered;
use super::secret;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, IssuerUrl,
    Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, StandardErrorResponse,
    StandardTokenResponse, TokenResponse,
};
use reqwest::redirect;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::time::Duration;
use thiserror::Error;

/// A login that was begun is forgotten after so long.
const BEGUN: i64 = 10 * 60_000;
/// How long the provider may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the provider is, and who we are to it.
#[derive(Clone)]
pub struct Provider {
    /// Its issuer URL, under which its configuration is found.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Our secret there, for a confidential client.
    pub client_secret: Option<String>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Why nobody was logged in.
#[derive(Debug, Error)]
pub enum LoginError {
    /// The provider does not answer as it should.
    #[error(
        "the identity provider {issuer} cannot be used: {problem}; check --oidc-issuer and the provider"
    )]
    Provider {
        /// Its issuer URL.
        issuer: String,
        /// What it did.
        problem: String,
    },
    /// This login was not begun in this browser, or too long ago.
    #[error("this login was not begun in this browser, or too long ago: begin again")]
    NotBegun,
    /// The provider said no.
    #[error("the identity provider refused: {0}")]
    Refused(String),
    /// The token does not hold.
    #[error(
        "the identity provider's token does not hold: {0}; begin again, or check its clock and keys"
    )]
    Token(String),
    /// No randomness.
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// Whom the provider vouches for.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) email: Option<String>,
    pub(crate) claims: Map<String, Value>,
}

/// Claims beyond the standard ones.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Further {
    #[serde(flatten)]
    all: Map<String, Value>,
}

impl AdditionalClaims for Further {}

type Fields = IdTokenFields<
    Further,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Configured = Client<
    Further,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A login that waits for the provider's answer.
struct Begun {
    state: String,
    nonce: Nonce,
    verifier: String,
    next: String,
}

/// The provider, and the logins that were begun.
pub(crate) struct Oidc {
    provider: Provider,
    redirect: String,
    begun: Remembered<Begun>,
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oidc").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl Oidc {
    pub(crate) fn new(provider: Provider, public_url: &str) -> Self {
        let redirect = format!("{}/login/callback", public_url.trim_end_matches('/'));
        Self { provider, redirect, begun: Remembered::new(BEGUN, BEGUN, 10_000) }
    }

    pub(crate) fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Where to send the browser, and the secret that it must bring back.
    pub(crate) async fn begin(&self, next: &str, now: i64) -> Result<(String, String), LoginError> {
        let (client, _) = self.client().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        );
        for scope in &self.provider.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        let key = secret()?;
        let begun = Begun {
            state: state.into_secret(),
            nonce,
            verifier: verifier.into_secret(),
            next: next.to_owned(),
        };
        self.begun.put(&key, begun, now);
        Ok((url.into(), key))
    }

    /// Who came back, and where they wanted to go.
    pub(crate) async fn finish(
        &self,
        key: &str,
        state: &str,
        answer: Result<String, String>,
        now: i64,
    ) -> Result<(Identity, String), LoginError> {
        let begun = self.begun.take(key, now).ok_or(LoginError::NotBegun)?;
        if !super::same(&begun.state, state) {
            return Err(LoginError::NotBegun);
        }
        let code = answer.map_err(LoginError::Refused)?;
        let (client, http) = self.client().await?;
        let token = |error: &dyn fmt::Display| LoginError::Token(error.to_string());
        let response = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| self.unusable(&error))?
            .set_pkce_verifier(PkceCodeVerifier::new(begun.verifier.clone()))
            .request_async(&http)
            .await
            .map_err(|error| token(&error))?;
        let id_token =
            response.id_token().ok_or_else(|| LoginError::Token("it gave no ID token".into()))?;
        let claims = id_token
            .claims(&client.id_token_verifier(), &begun.nonce)
            .map_err(|error| token(&error))?;
        let identity = Identity {
            issuer: claims.issuer().to_string(),
            subject: claims.subject().to_string(),
            email: claims.email().map(|email| email.to_string()),
            claims: claims.additional_claims().all.clone(),
        };
        Ok((identity, begun.next.clone()))
    }

    async fn client(&self) -> Result<(Configured, reqwest::Client), LoginError> {
        // A redirect could send our secret elsewhere.
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(|error| self.unusable(&error))?;
        let issuer =
            IssuerUrl::new(self.provider.issuer.clone()).map_err(|error| self.unusable(&error))?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &http)
            .await
            .map_err(|error| self.unusable(&error))?;
        let redirect =
            RedirectUrl::new(self.redirect.clone()).map_err(|error| self.unusable(&error))?;
        let secret = self.provider.client_secret.clone().map(ClientSecret::new);
        let id = ClientId::new(self.provider.client_id.clone());
        let client =
            Client::from_provider_metadata(metadata, id, secret).set_redirect_uri(redirect);
        Ok((client, http))
    }

    fn unusable(&self, error: &dyn std::error::Error) -> LoginError {
        let mut problem = error.to_string();
        let mut cause = error.source();
        while let Some(source) = cause {
            problem = format!("{problem}: {source}");
            cause = source.source();
        }
        LoginError::Provider { issuer: self.provider.issuer.clone(), problem }
    }
}
