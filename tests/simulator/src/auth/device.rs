//! Signing in by a code that a person types elsewhere: the endpoint that gives
//! the codes out, and the grant that asks whether the person is done.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    account::planted_code,
    grants::{Attempt, Call, opened, user_audience},
    outcome::Refused,
    sessions::Device,
};
use crate::{reply::Reply, request::Request, state::Simulation};

/// Letters of user codes: none that are mistaken for others.
const CODE_LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// `POST /{tenant}/oauth2/v2.0/devicecode`.
pub(crate) fn device_code(simulation: &Simulation, request: &Request) -> Reply {
    let now = simulation.now();
    let opened = opened(simulation, request).map(|form| Call { simulation, request, form, now });
    match opened.and_then(|call| call.start_device()) {
        Ok(body) => Reply::json(200, &body),
        Err(refused) => refused.reply(request, now),
    }
}

impl Call<'_> {
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

    pub(super) fn device(&self) -> Attempt {
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
