//! What can be wrong with an estate, one function a rule. Each adds what
//! violates its rule and records that violation; what else it violates by the
//! way is found by the witness. Plants keep apart: each has principals of its
//! own, and where it can scopes of its own.

mod delegation;
mod hosts;
mod leftovers;
mod machines;
mod network;
mod parts;
mod people;
mod permissions;
mod privileged;
mod roles;
mod scopes;
mod vendor;

use super::{clean::Clean, draft::Draft};

/// A plant: a rule, and what violates it.
type Plant = (&'static str, fn(&mut Draft, &Clean));

/// All plants. Those that depend on how much others have planted come last.
pub(crate) const PLANTS: [Plant; 97] = [
    ("R02", privileged::service_principal_owner),
    ("R03", privileged::user_administrator),
    ("R04", people::many_direct_users),
    ("R05", privileged::guest_administrator),
    ("R06", people::guest),
    ("R07", people::disabled),
    ("R08", people::deleted),
    ("R09", roles::deleted_role),
    ("R10", roles::unused),
    ("R11", roles::everything),
    ("R12", roles::writes_assignments),
    ("R13", privileged::unconstrained),
    ("R14", privileged::elevated),
    ("R15", scopes::inherited),
    ("R16", scopes::single_resource),
    ("R17", privileged::standing),
    ("R18", privileged::endless),
    ("R19", people::classic_administrator),
    ("R22", delegation::identity_and_machine),
    ("R23", delegation::twice),
    ("R24", scopes::wide_entitlement),
    ("R25", people::entitled_user),
    ("R26", people::entitled_outsider),
    ("R27", machines::dead_group),
    ("R28", machines::both_kinds),
    ("R29", machines::scaling_without_power),
    ("R30", machines::start_without_power),
    ("R31", permissions::more_than_power),
    ("R32", permissions::wrong_application),
    ("R33", delegation::publisher_and_delegate),
    ("R34", machines::token_reader),
    ("R35", machines::live_token),
    ("R36", machines::machine_contributor),
    ("R37", machines::administrator_login),
    ("R38", machines::no_login),
    ("R39", scopes::wide_operator),
    ("R40", parts::elevated_share),
    ("R41", parts::readable_secrets),
    ("R42", vendor::still_owner),
    ("R43", vendor::old_graph),
    ("V01", vendor::administrator),
    ("V02", vendor::contributor),
    ("V03", vendor::owner_of_files),
    ("V04", vendor::present),
    ("V05", vendor::registered),
    ("V06", permissions::retired_graph),
    ("V07", permissions::applications),
    ("V08", permissions::directory),
    ("V09", permissions::domains),
    ("V10", permissions::devices),
    ("V11", permissions::for_all),
    ("V12", permissions::management),
    ("V13", permissions::hidden_members),
    ("V14", vendor::old_secret),
    ("V15", vendor::installer),
    ("V16", leftovers::service_account),
    ("V17", privileged::own),
    ("V18", leftovers::automation),
    ("V19", leftovers::automation_role),
    ("V20", leftovers::server),
    ("V21", leftovers::open_server),
    ("V22", leftovers::public_address),
    ("V23", leftovers::vendor_rule),
    ("V24", leftovers::domain_secret),
    ("V25", leftovers::token_in_settings),
    ("V26", leftovers::desired_state),
    ("V27", network::mixed_subnet),
    ("V28", network::broken_peering),
    ("V29", network::name_servers),
    ("V30", network::bare_subnet),
    ("V31", network::open_hosts),
    ("V32", network::shut_in),
    ("V33", network::no_way_out),
    ("V34", network::overlap),
    ("V35", network::full_subnet),
    ("V37", parts::short_logs),
    ("V38", parts::no_diagnostics),
    ("V39", hosts::unwatched),
    ("V40", parts::unprotected),
    ("V41", parts::open_vault),
    ("V42", parts::lasting_secret),
    ("V43", parts::old_certificate),
    ("V44", parts::open_files),
    ("V45", parts::elevated_user),
    ("V47", hosts::profiles_elsewhere),
    ("V61", people::stale_directory),
    ("V62", hosts::untrusted),
    ("V63", hosts::unlicensed),
    ("V64", hosts::kept_parts),
    ("V65", hosts::old_image),
    ("V66", hosts::odd_name),
    ("V67", hosts::unpaired),
    ("V68", hosts::orphan),
    ("V36", hosts::one_zone),
    ("R01", privileged::owners),
    ("R21", roles::no_locks),
    ("R20", roles::limits),
];

/// V46 depends on a number of the policy that nothing else changes.
pub(crate) const LAST: Plant = ("V46", parts::slow_files);

/// The ids of all rules that can be planted.
pub(crate) fn rules() -> impl Iterator<Item = &'static str> {
    PLANTS.iter().chain([&LAST]).map(|(rule, _)| *rule)
}

/// Plants what violates these rules, so many times over.
pub(crate) fn plant(draft: &mut Draft, clean: &Clean, wanted: &dyn Fn(&str) -> bool, copies: usize) {
    for (rule, act) in PLANTS.iter().chain([&LAST]).filter(|(rule, _)| wanted(rule)) {
        for copy in 0..copies.max(1) {
            draft.dice = draft.dice_of(&format!("plant {rule} {copy}"));
            act(draft, clean);
        }
    }
    if !wanted("R20") {
        roles::at_the_limit(draft);
    }
}
