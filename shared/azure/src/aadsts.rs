//! What the error codes of Microsoft Entra mean: who has to act, and what to change where. One table, so that every way
//! of signing in says the same.
//!
//! Branch on the code first, then on `error` and `suberror`, never on the description: that is for people, and changes.
//! <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>

use Meaning::{Loop, Refused, Transient};
use SignInProblem::{Application, Consent, NeedsPerson, Other, Policy, User};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who has to act about a sign-in that does not work. What passes by itself is none of these: see
/// [`crate::SignInError::Unreachable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignInProblem {
    /// Somebody has to sign in by hand: a second factor, a sign-in that has run out or was revoked.
    NeedsPerson,
    /// A policy of the directory stands in the way.
    Policy,
    /// The user account: its name, its password, whether it is enabled.
    User,
    /// The application: its id, its secret or certificate, its directory.
    Application,
    /// The application's permission, or an administrator's consent to it.
    Consent,
    /// Something is missing here: a variable, a file, a value.
    Configuration,
    /// None that is known.
    Other,
}

/// What an answer of the token service means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Someone has to act, and nobody tries again before; the sentence says what to do.
    Refused(SignInProblem, &'static str),
    /// It passes by itself.
    Transient(&'static str),
    /// It passes, but only if the service is left alone for a while.
    Loop(&'static str),
}

/// The two ways past a second factor that need no second factor, and after them the two that weaken the directory.
macro_rules! past_mfa {
    () => {
        "Best: sign in once by device code (a credential of kind \"device_code\", then `poolwarden connections sign-in \
         NAME`), or read the estate with a connection of kind \"arm\" and a managed identity. Otherwise let the service \
         account past it in the Entra admin centre → Conditional Access: exclude the account from the policy \
         (Policies → the policy → Users → Exclude), or make this network a trusted IP (Named locations → IP ranges, \
         marked as trusted, and excluded in the policy)."
    };
}

/// Where the permission for the feed is granted.
macro_rules! grant_user_access {
    () => {
        "Entra admin centre → App registrations → the application → API permissions → Add a permission → APIs my \
         organization uses → Azure Virtual Desktop (9cdead84-a844-4324-93f2-b2e6bb768d07) → Delegated permissions → \
         User.Access, then Grant admin consent; it can take up to an hour."
    };
}

/// Where a sign-in by a person begins anew.
macro_rules! sign_in_again {
    () => {
        "Sign in again: `poolwarden connections sign-in NAME`."
    };
}

/// The codes that come up when unattended programs sign in, each with its remedy.
#[rustfmt::skip]
const TABLE: &[(u32, Meaning)] = &[
    (50_076, Refused(NeedsPerson, concat!("The account needs multifactor authentication, which a password alone cannot give. ", past_mfa!()))),
    (50_079, Refused(NeedsPerson, concat!("The account has to register for multifactor authentication first: sign in with it once in a browser (https://aka.ms/mfasetup). A password alone will not do after that either. ", past_mfa!()))),
    (50_072, Refused(NeedsPerson, concat!("The account has to register for multifactor authentication in this directory: sign in with it once in a browser (https://aka.ms/mfasetup). A password alone will not do after that either. ", past_mfa!()))),
    (50_074, Refused(NeedsPerson, concat!("Strong authentication is required, and nobody was there to give it. ", past_mfa!()))),
    (50_158, Refused(NeedsPerson, concat!("An external provider of multifactor authentication wants an answer from a person. ", past_mfa!()))),
    (50_078, Refused(NeedsPerson, concat!("The second factor that was given has run out under a policy of the directory. ", sign_in_again!()))),
    (70_043, Refused(NeedsPerson, concat!("The sign-in has run out: Conditional Access sets how often this account signs in (Entra admin centre → Conditional Access → the policy → Session → Sign-in frequency). ", sign_in_again!()))),
    (70_008, Refused(NeedsPerson, concat!("The stored sign-in has expired. ", sign_in_again!()))),
    (700_082, Refused(NeedsPerson, concat!("The stored sign-in has expired because it was not used for too long. ", sign_in_again!()))),
    (700_081, Refused(NeedsPerson, concat!("The stored sign-in has reached its longest life. ", sign_in_again!()))),
    (700_084, Refused(NeedsPerson, concat!("The stored sign-in has reached the end of its fixed life. Client IDs of single-page apps get a day: register the application as \"Mobile and desktop\" (App registrations → Authentication). ", sign_in_again!()))),
    (50_173, Refused(NeedsPerson, concat!("The stored sign-in was revoked: the password was changed, or an administrator revoked the account's sessions. ", sign_in_again!()))),
    (50_132, Refused(NeedsPerson, concat!("The session was revoked. ", sign_in_again!()))),
    (50_133, Refused(NeedsPerson, concat!("The session ended because the password was changed or has expired. ", sign_in_again!()))),
    (70_000, Refused(NeedsPerson, concat!("The stored sign-in is not accepted: it belongs to another application or directory, or was cut short. Check client_id and tenant_id. ", sign_in_again!()))),
    (70_019, Refused(NeedsPerson, concat!("The code has expired before anyone entered it. ", sign_in_again!()))),
    (50_097, Refused(Policy, "The directory wants a device that it knows, which this one is not. Exclude the account in the Entra admin centre → Conditional Access → Policies → the policy → Users → Exclude, or read the estate with a connection of kind \"arm\" and a managed identity.")),
    (53_000, Refused(Policy, "Conditional Access wants a compliant device, which this one is not. Exclude the account in the Entra admin centre → Conditional Access → Policies → the policy that says \"Require device to be marked as compliant\" → Users → Exclude.")),
    (53_001, Refused(Policy, "Conditional Access wants a domain-joined device, which this one is not. Exclude the account in the Entra admin centre → Conditional Access → Policies → the policy that asks for a hybrid joined device → Users → Exclude.")),
    (53_002, Refused(Policy, "Conditional Access wants an approved client app, which this is not. Exclude the account in the Entra admin centre → Conditional Access → Policies → the policy that says \"Require approved client app\" → Users → Exclude.")),
    (53_003, Refused(Policy, "Conditional Access blocks this sign-in. The Entra admin centre → Sign-in logs → the sign-in → Conditional Access names the policy: exclude the account there (Policies → the policy → Users → Exclude), or make this network a trusted one (Named locations). If it blocks the device code flow, use another kind of credential.")),
    (530_032, Refused(Policy, "A security policy of the directory blocks this sign-in. The Entra admin centre → Sign-in logs → the sign-in → Conditional Access names it; exclude the account there, or use a managed identity with a connection of kind \"arm\".")),
    (530_035, Refused(Policy, "Security defaults block this sign-in. They have no exceptions: sign in once by device code (a credential of kind \"device_code\"), or have an administrator put Conditional Access policies in their place (Entra admin centre → Overview → Properties → Manage security defaults).")),
    (50_126, Refused(User, "The username or the password is wrong. Correct `username` or the place that `password` names, then run `poolwarden connections check NAME`. A federated account is accepted only where Entra validates passwords itself (password hash sync, and a home realm discovery policy that allows it).")),
    (50_034, Refused(User, "There is no such account in this directory. Check `username`, a UPN such as name@contoso.com, and `tenant_id`.")),
    (50_020, Refused(User, "The account belongs to another directory and is no guest of this one. Check `tenant_id`, or invite it in the Entra admin centre → Users → Invite external user.")),
    (51_004, Refused(User, "The account is not in this directory. Check `username` and `tenant_id`.")),
    (50_053, Refused(User, "The account is locked after too many wrong passwords, or this address is held to be malicious. Wait, find in the Entra admin centre → Sign-in logs what signs in with a wrong password, and unlock the account before trying again.")),
    (50_055, Refused(User, "The password has expired. Set a new one, and have it not expire for a service account (Microsoft 365 admin centre → Settings → Security & privacy → Password expiration policy).")),
    (50_144, Refused(User, "The account's Active Directory password has expired. Reset it in Active Directory, and put the new one where `password` says.")),
    (50_056, Refused(User, "The account has no password in Entra. Set one in the Entra admin centre → Users → the account → Reset password, or turn on password hash sync.")),
    (50_057, Refused(User, "The account is disabled. Enable it in the Entra admin centre → Users → the account → Account status.")),
    (50_105, Refused(User, "The account is not assigned to the application. Assign it in the Entra admin centre → Enterprise applications → the application → Users and groups, or turn \"Assignment required\" off there under Properties.")),
    (700_016, Refused(Application, "Check client_id and tenant_id: the application is not in this directory. Its application ID is in the Entra admin centre → App registrations → the application → Overview.")),
    (7_000_215, Refused(Application, "Check the client secret: its value is needed, not its id. A new one is made in the Entra admin centre → App registrations → the application → Certificates & secrets.")),
    (7_000_222, Refused(Application, "The client secret has expired: create a new one in the Entra admin centre → App registrations → the application → Certificates & secrets, and put it where the configuration says.")),
    (7_000_218, Refused(Application, "The application wants a client secret, and none is configured. Add `secret` to the credential, or allow public client flows in the Entra admin centre → App registrations → the application → Authentication.")),
    (700_025, Refused(Application, "The application is a public client, and a client secret was sent. Leave `secret` out of the credential, or register the application as a confidential one.")),
    (7_000_112, Refused(Application, "The application is disabled. Enable it in the Entra admin centre → Enterprise applications → the application → Properties → Enabled for users to sign in.")),
    (700_027, Refused(Application, "The certificate is not accepted. Upload its public part in the Entra admin centre → App registrations → the application → Certificates & secrets → Certificates, and check that it has not expired and that this machine's clock is right.")),
    (7_000_229, Refused(Application, "The application has no service principal in this directory. Have an administrator of it add it: Entra admin centre → Enterprise applications, or `az ad sp create --id` with the application ID.")),
    (50_194, Refused(Application, "The application is for one directory only: name that directory in tenant_id instead of \"organizations\".")),
    (9_001_023, Refused(Application, "A password is not accepted for \"common\" or \"consumers\": name the directory in tenant_id, or \"organizations\".")),
    (90_002, Refused(Application, "Check tenant_id: there is no such directory.")),
    (900_023, Refused(Application, "Check tenant_id: it is neither a directory's id nor one of its domains.")),
    (70_011, Refused(Application, "The scope is not valid in this cloud; check the connection's `cloud`.")),
    (70_021, Refused(Application, FEDERATED)),
    (700_211, Refused(Application, FEDERATED)),
    (700_212, Refused(Application, FEDERATED)),
    (700_213, Refused(Application, FEDERATED)),
    (65_001, Refused(Consent, concat!("Nobody has consented to the application's permission. For the feed: ", grant_user_access!(), " For Azure Resource Manager: grant the application a role instead."))),
    (65_004, Refused(Consent, concat!("The person who signed in declined the permission. ", grant_user_access!()))),
    (90_094, Refused(Consent, concat!("An administrator has to consent to the permission. ", grant_user_access!()))),
    (65_005, Refused(Consent, concat!("The application asks for a resource that its registration does not list. ", grant_user_access!()))),
    (650_057, Refused(Consent, concat!("The resource is not among the API permissions of the application's registration. ", grant_user_access!()))),
    (65_002, Refused(Consent, "This client ID of Microsoft's own may not ask for this resource. Register an application and name it in client_id.")),
    (500_011, Refused(Consent, "The service is not known in this directory; check the connection's `cloud`. If Azure Virtual Desktop was never used in this tenant, register the resource provider Microsoft.DesktopVirtualization first (Azure portal → Subscriptions → Resource providers).")),
    (90_033, Transient("The sign-in service is temporarily unavailable.")),
    (90_024, Transient("The sign-in service asks to try again.")),
    (90_055, Transient("The directory gets too many requests at the moment.")),
    (90_006, Transient("The sign-in service failed, and asks to try again.")),
    (90_012, Transient("The sign-in service took too long.")),
    (50_196, Loop("The sign-in service saw the same request too often and refuses it for a while; it is left alone for some minutes.")),
];

const FEDERATED: &str = "Check the application's federated credential (Entra admin centre → App registrations → the \
     application → Certificates & secrets → Federated credentials): issuer, subject and audience must match.";

/// What an answer means, by its code if that is known, else by what the protocol itself says.
pub(crate) fn meaning(code: Option<u32>, error: &str, suberror: &str) -> Meaning {
    let known = code.and_then(|code| TABLE.iter().find(|(known, _)| *known == code));
    known.map(|(_, meaning)| *meaning).unwrap_or_else(|| by_name(error, suberror))
}

fn by_name(error: &str, suberror: &str) -> Meaning {
    match (error, suberror) {
        ("temporarily_unavailable" | "server_error", _) => Transient("The sign-in service is failing."),
        (_, "consent_required") | ("consent_required", _) => {
            Refused(Consent, concat!("The application's permission is not consented to. ", grant_user_access!()))
        }
        (_, "user_password_expired") => Refused(User, "The password has expired. Set a new one where `password` says."),
        (_, "bad_token" | "token_expired") => {
            Refused(NeedsPerson, concat!("The stored sign-in is not accepted any more. ", sign_in_again!()))
        }
        (_, "protection_policy_required" | "device_authentication_failed") => Refused(
            Policy,
            "Conditional Access wants a device or an app that this is not. Exclude the account in the Entra admin centre → Conditional Access → Policies → the policy → Users → Exclude.",
        ),
        ("interaction_required" | "login_required", _) | (_, "basic_action" | "additional_action" | "message_only") => {
            Refused(
                NeedsPerson,
                concat!("The sign-in service wants something that only a person can give. ", past_mfa!()),
            )
        }
        ("invalid_client" | "unauthorized_client", _) => Refused(
            Application,
            "The application was not accepted. Check client_id, tenant_id and its secret or certificate (Entra admin centre → App registrations → the application).",
        ),
        ("access_denied" | "authorization_declined", _) => {
            Refused(NeedsPerson, concat!("The sign-in was declined. ", sign_in_again!()))
        }
        ("expired_token", _) => {
            Refused(NeedsPerson, concat!("The code has expired before anyone entered it. ", sign_in_again!()))
        }
        ("invalid_grant", _) => Refused(
            Other,
            "The sign-in was refused for a reason that Poolwarden does not know. Check username, password or stored sign-in; the Entra admin centre → Sign-in logs says more.",
        ),
        _ => Refused(
            Other,
            "The sign-in was refused. Check the credential; the Entra admin centre → Sign-in logs says more.",
        ),
    }
}

/// The code in a description such as `AADSTS50126: Error validating credentials`.
pub(crate) fn code_in(description: &str) -> Option<u32> {
    let digits = description.split("AADSTS").nth(1)?;
    let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_there_once_and_says_what_to_do() {
        let codes: BTreeSet<u32> = TABLE.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes.len(), TABLE.len());
        for (code, meaning) in TABLE {
            let (Refused(_, text) | Transient(text) | Loop(text)) = meaning;
            assert!(text.ends_with('.') && !text.contains("  "), "{code}: {text}");
        }
    }

    #[test]
    fn the_codes_of_each_kind_are_told_apart() {
        for (problem, codes) in [
            (NeedsPerson, &[50_076, 50_079, 50_072, 50_074, 50_158, 700_082, 50_173, 70_008, 700_084][..]),
            (Policy, &[53_000, 53_001, 53_002, 53_003, 530_032, 530_035]),
            (User, &[50_126, 50_034, 50_053, 50_055, 50_144, 50_056, 50_057, 50_105]),
            (Application, &[700_016, 7_000_215, 7_000_222, 7_000_218, 700_025, 7_000_112, 700_027]),
            (Consent, &[65_001, 90_094, 65_005, 650_057, 500_011]),
        ] {
            for code in codes {
                let meant = meaning(Some(*code), "invalid_grant", "");
                assert!(matches!(meant, Refused(found, _) if found == problem), "{code}: {meant:?}");
            }
        }
        for code in [90_033, 90_024, 90_055] {
            assert!(matches!(meaning(Some(code), "invalid_grant", ""), Transient(_)), "{code}");
        }
        assert!(matches!(meaning(Some(50_196), "invalid_grant", ""), Loop(_)));
    }

    #[test]
    fn a_second_factor_has_four_ways_past_it() {
        for code in [50_076, 50_079, 50_072, 50_074, 50_158] {
            let Refused(_, text) = meaning(Some(code), "", "") else { panic!("{code}") };
            for way in ["connections sign-in NAME", "managed identity", "Conditional Access", "trusted IP"] {
                assert!(text.contains(way), "{code}: {text}");
            }
        }
    }

    #[test]
    fn consent_names_the_permission_and_the_page() {
        for code in [65_001, 65_004, 90_094, 65_005, 650_057] {
            let Refused(_, text) = meaning(Some(code), "", "") else { panic!("{code}") };
            for part in
                ["API permissions", "9cdead84-a844-4324-93f2-b2e6bb768d07", "User.Access", "admin consent", "an hour"]
            {
                assert!(text.contains(part), "{code}: {text}");
            }
        }
    }

    #[test]
    fn an_unknown_code_is_judged_by_the_protocol_s_own_words() {
        for (error, suberror, problem) in [
            ("interaction_required", "", NeedsPerson),
            ("invalid_grant", "basic_action", NeedsPerson),
            ("invalid_grant", "bad_token", NeedsPerson),
            ("invalid_grant", "consent_required", Consent),
            ("invalid_grant", "user_password_expired", User),
            ("invalid_grant", "protection_policy_required", Policy),
            ("invalid_grant", "", Other),
            ("invalid_client", "", Application),
            ("unauthorized_client", "", Application),
            ("access_denied", "", NeedsPerson),
            ("", "", Other),
        ] {
            let meant = meaning(Some(1), error, suberror);
            assert!(matches!(meant, Refused(found, _) if found == problem), "{error}/{suberror}: {meant:?}");
        }
        assert!(matches!(meaning(None, "temporarily_unavailable", ""), Transient(_)));
    }

    #[test]
    fn codes_are_found_in_the_text_too() {
        assert_eq!(code_in("AADSTS700016: Application"), Some(700_016));
        assert_eq!(code_in("nothing"), None);
    }
}
