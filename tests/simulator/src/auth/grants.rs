//! The grants of Entra's token endpoint: client credentials, user name and
//! password, refresh tokens and device codes.

use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    account::planted_code,
    assertion,
    endpoints::{caller_of, user},
    form::Form,
    outcome::Refused,
    sessions::{Device, RefreshFault},
};
use crate::{reply::Reply, request::Request, state::Simulation};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Microsoft's own public clients of AVD, current and classic: they have no
/// secret, and every tenant knows them.
const PUBLIC_CLIENTS: [&str; 2] = ["a85cf173-4192-42f8-81fa-777a763e6e2c", "fa4345a4-a730-4230-84a8-7d9651b86739"];
/// Names of tenants that stand for no tenant.
const SHARED_TENANTS: [&str; 3] = ["organizations", "common", "consumers"];
/// Resources a user gets tokens for, beside those whose audience is a URL of
/// AVD; app-only tokens are issued for any.
const USER_RESOURCES: [&str; 8] = [
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://graph.microsoft.com",
    "https://vault.azure.net",
    "https://www.wvd.microsoft.com",
    "9cdead84-a844-4324-93f2-b2e6bb768d07",
    "https://mrs-prod.ame.gbl/mrs-RDInfra-prod",
    "5a0aa725-4958-4b0c-80a9-34562e23f3b7",
];
/// Scopes that are no permission on a resource.
const OPENID_SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];
/// Letters of user codes: none that are mistaken for others.
const CODE_LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// An attempt to sign in, as it is counted.
struct Attempt {
    account: String,
    grant: &'static str,
    result: Result<Value, Refused>,
}

/// `POST /{tenant}/oauth2/v2.0/token` (and the older `/oauth2/token`).
pub(crate) fn token(simulation: &Simulation, request: &Request) -> Reply {
    let now = simulation.now();
    let form = match opened(simulation, request) {
        Ok(form) => form,
        Err(refused) => return refused.reply(request, now),
    };
    let call = Call { simulation, request, form, now };
    let attempt = match call.form.get("grant_type") {
        Some("client_credentials") => call.client_credentials(),
        Some("password") => call.password(),
        Some("refresh_token") => call.refresh(),
        Some("device_code" | DEVICE_GRANT) => call.device(),
        Some(other) => {
            let message = format!("The app requested an unsupported grant type '{other}'.");
            return Refused::worded(70_003, message).reply(request, now);
        }
        None => {
            let message = "The request body must contain the following parameter: 'grant_type'.".to_owned();
            return Refused::worded(900_144, message).reply(request, now);
        }
    };
    let outcome = attempt.result.as_ref().map_or_else(|refused| refused.code.to_string(), |_| "success".to_owned());
    simulation.sessions.count(&attempt.account, attempt.grant, &outcome);
    match attempt.result {
        Ok(body) => Reply::json(200, &body),
        Err(refused) => refused.reply(request, now),
    }
}

/// `POST /{tenant}/oauth2/v2.0/devicecode`.
pub(crate) fn device_code(simulation: &Simulation, request: &Request) -> Reply {
    let now = simulation.now();
    let opened = opened(simulation, request).map(|form| Call { simulation, request, form, now });
    match opened.and_then(|call| call.start_device()) {
        Ok(body) => Reply::json(200, &body),
        Err(refused) => refused.reply(request, now),
    }
}

/// The form of a request to a tenant that exists.
fn opened(simulation: &Simulation, request: &Request) -> Result<Form, Refused> {
    if request.method != Method::POST {
        return Err(Refused::code(900_561));
    }
    let tenant = tenant_of(request);
    let own = tenant == simulation.tenant().to_ascii_lowercase() || tenant.starts_with("contoso.");
    if !own && !SHARED_TENANTS.contains(&tenant.as_str()) {
        let message = format!("Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.");
        return Err(Refused::worded(90_002, message));
    }
    Ok(Form::parse(&request.body))
}

fn tenant_of(request: &Request) -> String {
    request.lower.split('/').nth(1).unwrap_or("").to_owned()
}

/// One request with its form.
struct Call<'a> {
    simulation: &'a Simulation,
    request: &'a Request,
    form: Form,
    now: Timestamp,
}

impl Call<'_> {
    /// The client's id as sent, or nothing.
    fn client_id(&self) -> &str {
        self.form.get("client_id").unwrap_or("")
    }

    /// Checks the client. Whether it proved who it is; a client that is not
    /// obliged to, because its application allows public flows, need not.
    fn client(&self) -> Result<bool, Refused> {
        let id = self.client_id();
        let is_public = PUBLIC_CLIENTS.iter().any(|known| known.eq_ignore_ascii_case(id));
        let client = self.simulation.options.clients.iter().find(|client| client.id.eq_ignore_ascii_case(id));
        let (secret, proof) = (self.form.get("client_secret"), self.form.get("client_assertion"));
        match client {
            None if !is_public => {
                let tenant = tenant_of(self.request);
                let message = format!("Application with identifier '{id}' was not found in the directory '{tenant}'.");
                Err(Refused::worded(700_016, message))
            }
            None if secret.is_some() || proof.is_some() => Err(Refused::code(700_025)),
            None => Ok(false),
            Some(client) => match (secret, proof) {
                (Some(secret), _) if secret == client.secret => Ok(true),
                (Some("expired"), _) => Err(Refused::code(7_000_222)),
                (Some(secret), _) => Err(Refused::code(planted_code(secret).unwrap_or(7_000_215))),
                (None, Some(proof)) if self.form.get("client_assertion_type") == Some(ASSERTION_TYPE) => {
                    assertion::check(proof, id, self.request, self.now).map(|()| true)
                }
                (None, Some(_)) => Err(Refused::code(50_027)),
                (None, None) => Ok(false),
            },
        }
    }

    fn client_credentials(&self) -> Attempt {
        Attempt { account: self.client_id().to_owned(), grant: "client_credentials", result: self.app_token() }
    }

    fn app_token(&self) -> Result<Value, Refused> {
        if !self.client()? {
            return Err(Refused::code(7_000_218));
        }
        let audience = match (self.form.get("scope"), self.form.get("resource")) {
            (Some(scope), _) => scope
                .split(' ')
                .find_map(|scope| scope.strip_suffix("/.default"))
                .ok_or_else(|| Refused::code(1_002_012))?,
            (None, Some(resource)) => resource,
            (None, None) => self.form.need("scope")?,
        };
        let caller = caller_of(self.client_id());
        let (token, _) = self.simulation.tokens.issue(&caller, audience, &self.request.origin, self.now);
        Ok(self.answer(&token))
    }

    fn password(&self) -> Attempt {
        let account = self.form.get("username").unwrap_or("").to_owned();
        Attempt { result: self.user_token(&account), account, grant: "password" }
    }

    fn user_token(&self, account: &str) -> Result<Value, Refused> {
        self.form.need("username")?;
        let password = self.form.need("password")?;
        let scope = self.form.need("scope")?;
        if ["common", "consumers"].contains(&tenant_of(self.request).as_str()) {
            return Err(Refused::code(9_001_023));
        }
        self.client()?;
        if let Some(code) = self.planted(account) {
            return Err(Refused::code(code));
        }
        if account.split('@').filter(|part| !part.is_empty()).count() != 2 {
            return Err(Refused::code(50_034));
        }
        let wrong = password == "wrong" || password.trim_matches(' ') != password;
        if self.simulation.sessions.note_password(account, wrong) {
            return Err(Refused::code(50_053));
        }
        if wrong {
            return Err(Refused::code(50_126));
        }
        self.signed_in(account, scope, self.simulation.sessions.number())
    }

    /// The code that an account's name, or a test, demands.
    fn planted(&self, account: &str) -> Option<u32> {
        self.simulation.sessions.outcome(account).or_else(|| planted_code(account))
    }

    fn refresh(&self) -> Attempt {
        let token = self.form.get("refresh_token").unwrap_or("");
        let (known, fault) = self.simulation.sessions.redeem(token, self.now);
        let account = known.as_ref().map_or_else(|| "unknown".to_owned(), |known| known.account.clone());
        let result = self.client().and_then(|_| match (&known, fault) {
            (_, Some(RefreshFault::Revoked)) => Err(Refused::code(50_173)),
            (_, Some(RefreshFault::Idle)) => Err(Refused::code(700_082)),
            (Some(known), None) if known.client_id.eq_ignore_ascii_case(self.client_id()) => {
                if let Some(code) = self.planted(&known.account) {
                    return Err(Refused::code(code));
                }
                self.signed_in(&known.account, self.form.need("scope")?, known.session)
            }
            _ => Err(Refused::code(70_000)),
        });
        Attempt { account, grant: "refresh_token", result }
    }

    /// The answer to a user's sign-in, with tokens of a session.
    fn signed_in(&self, account: &str, scope: &str, session: u64) -> Result<Value, Refused> {
        let audience = user_audience(scope)?;
        let simulation = self.simulation;
        let caller = user(account, self.client_id(), session);
        let (token, _) = simulation.tokens.issue(&caller, audience, &self.request.origin, self.now);
        let mut body = self.answer(&token);
        body["scope"] = json!(scope);
        let asks = |name: &str| scope.split(' ').any(|scope| scope == name);
        if asks("offline_access") {
            let refresh = simulation.tokens.opaque("refresh", simulation.sessions.number());
            simulation.sessions.keep_refresh(&refresh, account, self.client_id(), session, self.now);
            body["refresh_token"] = json!(refresh);
        }
        if asks("openid") {
            let (id_token, _) = simulation.tokens.issue(&caller, self.client_id(), &self.request.origin, self.now);
            body["id_token"] = json!(id_token);
        }
        Ok(body)
    }

    fn answer(&self, token: &str) -> Value {
        json!({
            "token_type": "Bearer",
            "expires_in": self.simulation.tokens.lifetime_s(),
            "ext_expires_in": self.simulation.tokens.lifetime_s(),
            "access_token": token,
        })
    }

    fn start_device(&self) -> Result<Value, Refused> {
        let scope = self.form.need("scope")?;
        self.client()?;
        user_audience(scope)?;
        let sessions = &self.simulation.sessions;
        let number = sessions.number();
        let code = self.simulation.tokens.opaque("device", number);
        let letters = self.simulation.tokens.opaque("user code", number);
        let user_code: String = letters
            .bytes()
            .take(9)
            .map(|byte| char::from(CODE_LETTERS[usize::from(byte) % CODE_LETTERS.len()]))
            .collect();
        let plan = sessions.plan();
        let lifetime = SignedDuration::from_secs(i64::try_from(plan.expires_in_s).unwrap_or(i64::MAX));
        let place = "https://microsoft.com/devicelogin";
        let body = json!({
            "user_code": user_code,
            "device_code": code,
            "verification_uri": place,
            "expires_in": plan.expires_in_s,
            "interval": plan.interval_s,
            "message": format!(
                "To sign in, use a web browser to open the page {place} and enter the code {user_code} to authenticate."
            ),
        });
        sessions.keep_device(Device {
            code,
            user_code,
            client_id: self.client_id().to_owned(),
            scope: scope.to_owned(),
            plan,
            expires: self.now.checked_add(lifetime).unwrap_or(self.now),
            asked: 0,
            spent: false,
        });
        Ok(body)
    }

    fn device(&self) -> Attempt {
        let code = self.form.get("device_code").or_else(|| self.form.get("code")).unwrap_or("");
        let found = self.simulation.sessions.device(
            |device| device.code == code,
            |device| {
                device.asked += 1;
                let state = device_state(device, self.now);
                device.spent |= state.is_ok();
                (state, device.clone())
            },
        );
        let Some((state, device)) = found else {
            return Attempt { account: "unknown".to_owned(), grant: "device_code", result: Err(Refused::code(70_000)) };
        };
        let account = device.plan.account.clone();
        let result = self.client().and(state).and_then(|()| {
            if !device.client_id.eq_ignore_ascii_case(self.client_id()) {
                return Err(Refused::code(70_000));
            }
            self.signed_in(&account, &device.scope, self.simulation.sessions.number())
        });
        Attempt { account, grant: "device_code", result }
    }
}

/// What a device code answers when it is asked for.
fn device_state(device: &Device, now: Timestamp) -> Result<(), Refused> {
    if device.spent {
        return Err(Refused::code(70_000));
    }
    if now >= device.expires || device.plan.outcome == "expired" {
        return Err(Refused::code(70_019));
    }
    if device.asked <= device.plan.polls {
        return Err(Refused::code(70_016));
    }
    match device.plan.outcome.as_str() {
        // Once, and then the person is done.
        "slow_down" if device.asked == device.plan.polls + 1 => Err(Refused::code(70_020)),
        "declined" => Err(Refused::code(70_018)),
        other => match planted_code(other).or_else(|| planted_code(&device.plan.account)) {
            Some(code) => Err(Refused::code(code)),
            None => Ok(()),
        },
    }
}

/// The resource that a user's scopes are permissions on.
fn user_audience(scope: &str) -> Result<&str, Refused> {
    let wanted = scope.split(' ').find(|scope| !scope.is_empty() && !OPENID_SCOPES.contains(scope));
    let Some((audience, _)) = wanted.and_then(|scope| scope.rsplit_once('/')) else {
        let message = format!(
            "The provided value for the input parameter 'scope' is not valid. The scope '{scope}' is not valid."
        );
        return Err(Refused::worded(70_011, message));
    };
    let bare = audience.trim_end_matches('/');
    if USER_RESOURCES.iter().any(|known| known.eq_ignore_ascii_case(bare)) {
        Ok(bare)
    } else {
        let message = format!(
            "The resource principal named {bare} was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."
        );
        Err(Refused::worded(500_011, message))
    }
}
